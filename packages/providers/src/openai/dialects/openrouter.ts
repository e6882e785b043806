import { merged } from '../openai-errors.ts'
import type { ChatDialect } from './dialect.ts'
import { generic } from './generic.ts'

/** openrouter.ai: models of many makers. Its `reasoning_details` go back with the message, which the reader and the writer do for every service that sends them. */
export const openrouter: ChatDialect = {
  ...generic,
  name: 'openrouter',
  title: 'OpenRouter',
  hosts: /^openrouter\.ai$/,
  baseUrl: 'https://openrouter.ai/api/v1',
  ownOrigin: 'https://openrouter.ai',
  variables: 'OPENROUTER',
  // openrouter.ai/docs/use-cases/reasoning-tokens; sent so in github.com/pydantic/pydantic-ai, tests/models/cassettes/test_openrouter (2026-06)
  levels: {
    off: { reasoning: { effort: 'none' } },
    low: { reasoning: { effort: 'low' } },
    medium: { reasoning: { effort: 'medium' } },
    high: { reasoning: { effort: 'high' } },
  },
  // openrouter.ai/docs/features/multimodal/pdfs (2026-11)
  fileUrls: 'pdf',
  // `metadata.error_type`: developersdigest.tech/errors/api/openrouter (2026-11)
  errors: merged({
    specific: {
      authentication: 'provider-auth',
      payment_required: 'provider-billing',
      token_limit_exceeded: 'provider-billing',
      in_flight_budget: 'provider-rate-limit',
      provider_unavailable: 'provider-overloaded',
      flagged_input: 'provider-content-filter',
    },
    generic: { timeout: 'provider-timeout', invalid_request: 'provider-bad-request', invalid_prompt: 'provider-bad-request' },
  }),
}
