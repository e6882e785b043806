import { deepSeekModels } from '../../models/deepseek-models.ts'
import { merged } from '../openai-errors.ts'
import type { ChatDialect } from './dialect.ts'
import { generic } from './generic.ts'

/** api.deepseek.com: models that think unless told otherwise, and want their thinking back with calls. */
export const deepseek: ChatDialect = {
  ...generic,
  name: 'deepseek',
  title: 'DeepSeek',
  hosts: /^api\.deepseek\.com$/,
  baseUrl: 'https://api.deepseek.com',
  ownOrigin: 'https://api.deepseek.com',
  variables: 'DEEPSEEK',
  // api-docs.deepseek.com/guides/thinking_mode (2026-10): `thinking` switches, the efforts are low, high and max
  levels: {
    off: { thinking: { type: 'disabled' } },
    low: { thinking: { type: 'enabled' }, reasoning_effort: 'low' },
    medium: { thinking: { type: 'enabled' }, reasoning_effort: 'high' },
    high: { thinking: { type: 'enabled' }, reasoning_effort: 'high' },
  },
  models: deepSeekModels,
  // An empty text is taken: github.com/pydantic/pydantic-ai, tests/models/cassettes, deferred_capability (2026-08)
  reasoning: { in: 'field', field: 'reasoning_content', isNeeded: true },
  // github.com/deepseek-ai/DeepSeek-V3/issues/1376, github.com/osaurus-ai/osaurus/issues/1940 (2026)
  sendsAuto: false,
  forcedWhileThinking: 'none',
  // api-docs.deepseek.com (2026-10): no schema, and the prompt must say JSON
  json: { schema: false, object: true, withTools: true, anyRoot: false },
  saysJson: true,
  // "unknown variant `image_url`, expected `text`": github.com/rikkahub/rikkahub/issues/1433, github.com/yilewang/llm-for-zotero/issues/143 (2026)
  images: false,
  files: undefined,
  // `{"code":"invalid_request_error"}` stands beside every status: github.com/pydantic/pydantic-ai cassettes
  errors: merged({ texts: [[/insufficient balance/i, 'provider-billing']] }),
}
