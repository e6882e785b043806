// @boundaries-ignore the build preset belongs to the workspace
import { oneFile } from '../../tsup.base.ts'

export default oneFile('core', 'bundle.ts', {
  index: 'src/index.ts',
  actor: 'src/primitives.ts',
  adapter: 'src/adapter/index.ts',
  testing: 'src/testing/index.ts',
})
