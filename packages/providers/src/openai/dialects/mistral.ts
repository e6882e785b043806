import { mistralModels } from '../../models/mistral-models.ts'
import { merged } from '../openai-errors.ts'
import type { ChatDialect } from './dialect.ts'
import { generic } from './generic.ts'

/** api.mistral.ai. github.com/mistralai/platform-docs-public, openapi.yaml (2026-08), unless another source is named. */
export const mistral: ChatDialect = {
  ...generic,
  name: 'mistral',
  title: 'Mistral',
  hosts: /^(?:api|codestral)\.mistral\.ai$/,
  baseUrl: 'https://api.mistral.ai/v1',
  ownOrigin: 'https://api.mistral.ai',
  variables: 'MISTRAL',
  // Usage comes unasked, and the field was refused: github.com/neuron-core/neuron-ai/issues/212 (2025)
  includeUsage: false,
  // "extra_forbidden"
  userField: undefined,
  // The one level that every model with levels has.
  levels: {
    off: { reasoning_effort: 'none' },
    low: { reasoning_effort: 'high' },
    medium: { reasoning_effort: 'high' },
    high: { reasoning_effort: 'high' },
  },
  models: mistralModels,
  // `reasoning_content` is refused (github.com/BerriAI/litellm/issues/30835); parts are taken: github.com/crmne/ruby_llm cassettes (2026-08)
  reasoning: { in: 'content' },
  files: 'document_url',
  fileUrls: 'any',
  saysJson: true,
  // github.com/mistralai/mistral-common, request validation
  callIds: 'nine',
  errors: merged({
    specific: {
      '1300': 'provider-rate-limit',
      rate_limited: 'provider-rate-limit',
      '3051': 'provider-context-overflow',
      '3505': 'provider-overloaded',
      service_tier_capacity_exceeded: 'provider-overloaded',
      invalid_model: 'provider-bad-request',
    },
    generic: { internal_server_error: 'provider-server' },
  }),
}
