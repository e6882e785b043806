// @boundaries-ignore the build preset belongs to the workspace
import { library } from '../../tsup.base.ts'

export default library({ index: 'src/index.ts' }, { platform: 'node' })
