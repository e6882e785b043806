// @boundaries-ignore the build presets belong to the workspace
import { library, program } from '../../tsup.base.ts'

// What a user may leave out is looked for where the program is installed.
const optional = ['@lydell/node-pty', 'playwright-core']

// The entry re-exports the packages themselves, so that its classes are theirs; the program brings its own, and starts the faster for it.
export default [library({ index: 'src/index.ts' }, { platform: 'node', clean: false }), program({ bin: 'src/bin.ts' }, optional)]
