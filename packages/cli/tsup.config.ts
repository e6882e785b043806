// @boundaries-ignore the build presets belong to the workspace
import { library, program } from '../../tsup.base.ts'

export default [library({ index: 'src/index.ts' }, { platform: 'node', clean: false }), program({ bin: 'src/bin.ts' })]
