// @boundaries-ignore the build preset belongs to the workspace
import { library } from '../../tsup.base.ts'

export default library(
  {
    index: 'src/index.ts',
    browser: 'src/browser/index.ts',
    mcp: 'src/mcp/index.ts',
    'page-process': 'src/web/page-process.ts',
    'regex-worker': 'src/files/regex-worker.ts',
    'isolated-worker': 'src/isolated/isolated-worker.ts',
    'isolated-process': 'src/isolated/isolated-process.ts',
  },
  // What a user may leave out is looked for where the package runs.
  { external: ['@lydell/node-pty', 'playwright-core'] },
)
