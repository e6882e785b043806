// @boundaries-ignore the build preset belongs to the workspace
import { library } from '../../tsup.base.ts'

export default library(
  {
    index: 'src/index.ts',
    anthropic: 'src/anthropic/index.ts',
    openai: 'src/openai/index.ts',
    'openai-responses': 'src/openai-responses/index.ts',
    'ai-sdk': 'src/ai-sdk/index.ts',
    demo: 'src/demo/index.ts',
  },
  { bundled: ['zod'] },
)
