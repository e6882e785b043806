// @boundaries-ignore the build preset belongs to the workspace
import { oneFile } from '../../tsup.base.ts'

export default oneFile(
  'index',
  'bundle.ts',
  {
    actor: 'src/primitives.ts',
    adapter: 'src/adapter/index.ts',
    testing: 'src/testing/index.ts',
  },
  { below: { names: /^@beamclaw\/actor(\/|$)/, entry: '@beamclaw/actor/internal' } },
)
