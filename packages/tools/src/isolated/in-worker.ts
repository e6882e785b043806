/** Runs one call in a worker thread. */
import { Worker } from 'node:worker_threads'
import type { JsonValue } from '@beamclaw/core'
import { workerProgram } from '../worker-program.ts'
import { isolatedFailure, messageOf } from './isolated-message.ts'
import type { IsolatedRun } from './isolated-tool.ts'

/** Resolves with what the code returned. Rejects `tool-failed`, and with the reason of the signal; the thread is gone then. */
export async function runInWorker({ work, memoryMegabytes, signal, progress }: IsolatedRun): Promise<JsonValue> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<JsonValue>()
  const worker = new Worker(workerProgram(new URL('./isolated-worker.ts', import.meta.url)), {
    workerData: work,
    env: {},
    stdin: false,
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: memoryMegabytes, maxYoungGenerationSizeMb: Math.ceil(memoryMegabytes / 4) },
  })
  // Nothing reads what it prints, and it must not fill a buffer.
  worker.stdout.resume()
  worker.stderr.resume()
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  worker.on('message', (value) => {
    const message = messageOf(value)
    if (message?.type === 'done') resolve(message.output)
    else if (message?.type === 'failed') reject(isolatedFailure(message.message, message.isRetryable))
    else if (message !== undefined) tellProgress(progress, message.data)
  })
  worker.on('error', (error: NodeJS.ErrnoException) => {
    const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
    reject(isolatedFailure(isMemory ? `The tool took more than its ${memoryMegabytes} MB of memory` : error.message))
  })
  worker.on('exit', () => reject(isolatedFailure('The tool ended without a result')))
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', abort)
    await worker.terminate()
  }
}

/** Progress that is too large or no JSON is the tool's own fault, and no reason to end the call. */
export function tellProgress(progress: (data: JsonValue) => void, data: JsonValue): void {
  try {
    progress(data)
  } catch {}
}
