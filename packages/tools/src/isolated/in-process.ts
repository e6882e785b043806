/** Runs one call in a process of its own. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { JsonValue } from '@beamclaw/core'
import { workerProgram } from '../worker-program.ts'
import { tellProgress } from './in-worker.ts'
import { isolatedFailure, messageOf } from './isolated-message.ts'
import type { IsolatedRun } from './isolated-tool.ts'

const prlimit = '/usr/bin/prlimit'

/** Megabytes that Node itself takes beside the heap of its code. */
const ownMegabytes = 640

/** Resolves with what the code returned. Rejects `tool-failed`, and with the reason of the signal; the process is gone then. */
export async function runInProcess({ work, memoryMegabytes, signal, progress }: IsolatedRun): Promise<JsonValue> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<JsonValue>()
  const program = fileURLToPath(workerProgram(new URL('./isolated-process.ts', import.meta.url)))
  const node = [process.execPath, `--max-old-space-size=${memoryMegabytes}`, program]
  const limit = [prlimit, `--data=${(memoryMegabytes + ownMegabytes) * 1024 * 1024}`, '--core=0', '--']
  const [command = '', ...args] = existsSync(prlimit) ? [...limit, ...node] : node
  // A group of its own, so that what it starts ends with it.
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env: {}, detached: true })
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  const closed = new Promise<void>((done) => child.once('close', () => done()))
  child.on('message', (value) => {
    const message = messageOf(value)
    if (message?.type === 'done') resolve(message.output)
    else if (message?.type === 'failed') reject(isolatedFailure(message.message, message.isRetryable))
    else if (message !== undefined) tellProgress(progress, message.data)
  })
  child.on('error', (error) => reject(isolatedFailure(`The process of the tool did not start: ${error.message}`)))
  child.on('exit', (code, by) => {
    const isMemory = by === 'SIGABRT' || by === 'SIGTRAP' || code === 134 || code === 133
    const how = by ?? `exit code ${code}`
    reject(
      isolatedFailure(
        isMemory ? `The tool took more than its ${memoryMegabytes} MB of memory` : `The tool ended without a result (${how})`,
      ),
    )
  })
  child.send(work, (error) => error !== null && reject(isolatedFailure(`The process of the tool ended at once: ${error.message}`)))
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', abort)
    endGroup(child.pid)
    if (child.pid !== undefined) await closed
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined || pid <= 1) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {}
}
