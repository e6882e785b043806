// @boundaries-ignore the build preset belongs to the workspace
import { library } from '../../tsup.base.ts'

export default library(
  {
    index: 'src/index.ts',
    browser: 'src/browser/index.ts',
    'page-worker': 'src/web/page-worker.ts',
    'regex-worker': 'src/files/regex-worker.ts',
  },
  // What a user may leave out is looked for where the package runs.
  { external: ['@lydell/node-pty', 'playwright-core'] },
)
