/** Runs one call in a process of its own. */
import type { JsonValue } from '@beamclaw/core'
import { isOutOfMemory, startLimited } from '../limited-process.ts'
import { tellProgress } from './in-worker.ts'
import { isolatedFailure, messageOf } from './isolated-message.ts'
import type { IsolatedRun } from './isolated-tool.ts'

/** Resolves with what the code returned. Rejects `tool-failed`, and with the reason of the signal; the process is gone then. */
export async function runInProcess({ work, memoryMegabytes, signal, progress }: IsolatedRun): Promise<JsonValue> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<JsonValue>()
  const { child, end } = startLimited(new URL('./isolated-process.ts', import.meta.url), memoryMegabytes)
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  child.on('message', (value) => {
    const message = messageOf(value)
    if (message?.type === 'done') resolve(message.output)
    else if (message?.type === 'failed') reject(isolatedFailure(message.message, message.isRetryable))
    else if (message !== undefined) tellProgress(progress, message.data)
  })
  child.on('error', (error) => reject(isolatedFailure(`The process of the tool did not start: ${error.message}`)))
  child.on('exit', (code, by) => {
    const how = by ?? `exit code ${code}`
    reject(
      isolatedFailure(
        isOutOfMemory(code, by)
          ? `The tool took more than its ${memoryMegabytes} MB of memory`
          : `The tool ended without a result (${how})`,
      ),
    )
  })
  child.send(work, (error) => error !== null && reject(isolatedFailure(`The process of the tool ended at once: ${error.message}`)))
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', abort)
    await end()
  }
}
