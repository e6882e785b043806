/** The program of the worker thread of one call. */
import { parentPort, workerData } from 'node:worker_threads'
import type { IsolatedWork } from './isolated-tool.ts'
import { runModule } from './run-module.ts'

await runModule(workerData as IsolatedWork, (message) => parentPort?.postMessage(message))
// A timer or a socket that the code has left must not keep the thread.
process.exit()
