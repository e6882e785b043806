/** The program of the process of one call. */
import { endWithParent } from '../end-with-parent.ts'
import type { IsolatedWork } from './isolated-tool.ts'
import { runModule } from './run-module.ts'

endWithParent()
process.once('message', (work) => {
  void runModule(work as IsolatedWork, (message) => process.send?.(message)).then(() => process.disconnect())
})
