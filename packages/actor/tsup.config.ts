// @boundaries-ignore the build preset belongs to the workspace
import { oneFile } from '../../tsup.base.ts'

// The entry `./internal` is the bundle itself.
export default oneFile('actor', 'bundle.ts', { index: 'src/index.ts', testing: 'src/testing/index.ts' }, { bundled: ['eventemitter3'] })
