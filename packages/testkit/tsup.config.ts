// @boundaries-ignore the build preset belongs to the workspace
import { library } from '../../tsup.base.ts'

const entries = {
  index: 'src/index.ts',
  'model-server': 'src/model-server/index.ts',
  msw: 'src/msw/index.ts',
  simulator: 'src/simulator/index.ts',
}

export default library(entries, { platform: 'node' })
