import { groqModels } from '../../models/groq-models.ts'
import { merged } from '../openai-errors.ts'
import type { ChatDialect } from './dialect.ts'
import { generic } from './generic.ts'

/** api.groq.com. console.groq.com/docs (2026), unless another source is named. */
export const groq: ChatDialect = {
  ...generic,
  name: 'groq',
  title: 'Groq',
  hosts: /^api\.groq\.com$/,
  baseUrl: 'https://api.groq.com/openai/v1',
  ownOrigin: 'https://api.groq.com',
  variables: 'GROQ',
  maxTokensField: 'max_completion_tokens',
  models: groqModels,
  files: undefined,
  // Refused with status 400.
  json: { schema: true, object: true, withTools: false, anyRoot: false },
  saysJson: true,
  errors: merged({
    specific: {
      // The model wrote a call or an answer that does not fit; another try may. Recorded in github.com/pydantic/pydantic-ai, test_groq (2026-02)
      tool_use_failed: 'provider-server',
      json_validate_failed: 'provider-server',
      model_decommissioned: 'provider-bad-request',
    },
  }),
}
