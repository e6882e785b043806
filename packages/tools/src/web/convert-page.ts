/** Converts a page in a worker: the libraries that read pages take unbounded time and memory for some, and must not hold up the process. */
import { Worker } from 'node:worker_threads'
import type { Clock } from '@beamclaw/core'
import { workerProgram } from '../worker-program.ts'
import type { PageText, PageWork } from './page-text.ts'

/** The limits of one conversion. */
export interface ConvertOptions {
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Milliseconds for one page. */
  readonly timeoutMs: number
}

const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 }

/** Resolves with the text of a page; `undefined` for one that is too much, or cannot be read. Rejects with the reason of `signal`. */
export async function convertPage(work: PageWork, { signal, clock, timeoutMs }: ConvertOptions): Promise<PageText | undefined> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<PageText | undefined>()
  // Neither the variables nor the options of this process are for code that reads strangers' pages.
  const program = workerProgram(new URL('./page-worker.ts', import.meta.url))
  const worker = new Worker(program, { workerData: work, resourceLimits, env: {}, execArgv: [], stdout: true, stderr: true })
  worker.stdout.resume()
  worker.stderr.resume()
  const onAbort = (): void => reject(signal.reason)
  const timer = clock.setTimer(() => resolve(undefined), timeoutMs)
  signal.addEventListener('abort', onAbort, { once: true })
  worker.once('message', resolve)
  worker.once('error', () => resolve(undefined))
  worker.once('exit', () => resolve(undefined))
  try {
    return await promise
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', onAbort)
    await worker.terminate()
  }
}
