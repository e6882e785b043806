/** The program of the process of one call. It ends with the channel to its parent, so that a parent that is killed leaves none. */
import type { IsolatedWork } from './isolated-tool.ts'
import { runModule } from './run-module.ts'

process.once('disconnect', () => process.exit())
process.once('message', (work) => {
  void runModule(work as IsolatedWork, (message) => process.send?.(message)).then(() => process.disconnect())
})
