/** A parent of two workers in a process of its own. Argument: the data directory. Prints the processes of its workers. */
import { fileURLToPath } from 'node:url'
import { WorkerParent } from '../worker-parent.ts'

const entry = fileURLToPath(new URL('worker-entry.ts', import.meta.url))
const parent = new WorkerParent({ path: process.argv[2] ?? '', entry, args: ['serve'], workers: 2 })
await parent.start()
console.log(JSON.stringify(parent.pids))
await parent.ended
