import { xaiModels } from '../../models/xai-models.ts'
import { merged } from '../openai-errors.ts'
import type { ChatDialect } from './dialect.ts'
import { generic } from './generic.ts'

/** api.x.ai. Measured by github.com/vshylov/mindfork-rs, docs/research/grok-xai-provider.md (2026-08 to 2026-10), unless another source is named. */
export const xai: ChatDialect = {
  ...generic,
  name: 'xai',
  title: 'xAI',
  hosts: /^api\.x\.ai$/,
  baseUrl: 'https://api.x.ai/v1',
  ownOrigin: 'https://api.x.ai',
  variables: 'XAI',
  maxTokensField: 'max_completion_tokens',
  levels: { ...generic.levels, off: { reasoning_effort: 'none' } },
  models: xaiModels,
  // Recorded: 12 + 1 + 290 = 303 tokens, in github.com/vercel/ai, packages/xai/src/__fixtures__ (2026-02)
  reasoningTokens: 'beside',
  // Bodies are flat, `{ code, error }`: github.com/crmne/ruby_llm, spec/fixtures/vcr_cassettes (2026-08); github.com/vercel/ai/issues/10533
  errors: merged({
    specific: {
      'personal-team-blocked:spending-limit': 'provider-billing',
      'The service is currently unavailable': 'provider-overloaded',
      'Some resource has been exhausted': 'provider-rate-limit',
    },
    texts: [
      [/incorrect api key/i, 'provider-auth'],
      [/run out of credits|spending limit/i, 'provider-billing'],
      [/violates usage guidelines/i, 'provider-content-filter'],
    ],
    generic: { 'permission-denied': 'provider-auth', 'not-found': 'provider-bad-request', 'invalid-argument': 'provider-bad-request' },
  }),
}
