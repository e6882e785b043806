// @boundaries-ignore the build preset belongs to the workspace
import { oneFile } from '../../tsup.base.ts'

export default oneFile('actor', 'bundle.ts', { index: 'src/index.ts', internal: 'src/internal.ts', testing: 'src/testing/index.ts' }, [
  'eventemitter3',
])
