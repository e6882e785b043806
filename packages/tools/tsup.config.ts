// @boundaries-ignore the build preset belongs to the workspace
import { library } from '../../tsup.base.ts'

// What a user may leave out is looked for where the package runs.
export default library({ index: 'src/index.ts' }, { external: ['@lydell/node-pty'] })
