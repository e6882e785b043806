import { kimiModels } from '../../models/kimi-models.ts'
import { merged } from '../openai-errors.ts'
import type { ChatDialect } from './dialect.ts'
import { generic } from './generic.ts'

/** api.moonshot.ai and .cn, whose keys are separate. The documentation of platform.kimi.com, 2026-09, unless another source is named. */
export const kimi: ChatDialect = {
  ...generic,
  name: 'kimi',
  title: 'Kimi',
  hosts: /^api\.(?:moonshot\.(?:ai|cn)|kimi\.com)$/,
  baseUrl: 'https://api.moonshot.ai/v1',
  ownOrigin: 'https://api.moonshot.ai',
  variables: 'MOONSHOT',
  maxTokensField: 'max_completion_tokens',
  userField: 'safety_identifier',
  levels: {
    off: { thinking: { type: 'disabled' } },
    low: { thinking: { type: 'enabled' } },
    medium: { thinking: { type: 'enabled' } },
    high: { thinking: { type: 'enabled' } },
  },
  models: kimiModels,
  reasoning: { in: 'field', field: 'reasoning_content', isNeeded: true },
  // github.com/UKGovernmentBEIS/inspect_ai/pull/5152, github.com/enricoros/big-AGI/issues/1161 (2026, tried against the service)
  forcedWhileThinking: 'none',
  imageUrls: false,
  files: undefined,
  saysJson: true,
  // platform.kimi.com error table (2026-09); github.com/MoonshotAI/Kimi-K2/issues/5
  errors: merged({
    specific: {
      invalid_authentication_error: 'provider-auth',
      incorrect_api_key_error: 'provider-auth',
      exceeded_current_quota_error: 'provider-billing',
      rate_limit_reached_error: 'provider-rate-limit',
      content_filter: 'provider-content-filter',
      resource_not_found_error: 'provider-bad-request',
    },
    texts: [
      [/exceeded model token limit/i, 'provider-context-overflow'],
      [/input token length too long/i, 'provider-context-overflow'],
    ],
  }),
}
