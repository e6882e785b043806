/** Ends a process with the one that has started it, also while its own code holds up the event loop. It imports nothing of this project's other packages. */
import { Worker } from 'node:worker_threads'

const everyMs = 500

// It has room beside what the process itself may take.
const resourceLimits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, codeRangeSizeMb: 4, stackSizeMb: 1 }

/** Looks from a thread of its own; the id of the parent is the last argument of the process. */
export function endWithParent(): void {
  const code = `setInterval(() => { if (process.ppid !== ${Number(process.argv.at(-1))}) process.kill(process.pid, 'SIGKILL') }, ${everyMs})`
  new Worker(code, { eval: true, env: {}, execArgv: [], resourceLimits }).unref()
  process.once('disconnect', () => process.exit())
}
