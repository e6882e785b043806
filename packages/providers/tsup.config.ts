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
    // What `#platform` of the manifest leads to.
    'shared/node-platform': 'src/shared/node-platform.ts',
    'shared/fetch-platform': 'src/shared/fetch-platform.ts',
  },
  { bundled: ['zod'], external: ['#platform'] },
)
