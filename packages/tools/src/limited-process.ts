/** A Node process of its own for one piece of work: without the variables of this one, bounded in memory, and gone when it is ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { kill } from './sandboxes/process-facts.ts'
import { workerProgram } from './worker-program.ts'

const prlimit = '/usr/bin/prlimit'

/** Megabytes that Node itself takes beside the heap of its code. */
const ownMegabytes = 640

export interface LimitedProcess {
  readonly child: ChildProcess
  /** Ends it and what it has started. Resolves once it is gone. */
  end(): Promise<void>
}

/** Starts a program of this package, by its source, which calls `endWithParent`. */
export function startLimited(source: URL, memoryMegabytes: number): LimitedProcess {
  const node = [process.execPath, `--max-old-space-size=${memoryMegabytes}`, fileURLToPath(workerProgram(source)), String(process.pid)]
  const limit = [prlimit, `--data=${(memoryMegabytes + ownMegabytes) * 1024 * 1024}`, '--core=0', '--']
  const [command = '', ...args] = existsSync(prlimit) ? [...limit, ...node] : node
  // A group of its own, so that what it starts ends with it.
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], serialization: 'advanced', env: {}, detached: true })
  const closed = new Promise<void>((done) => child.once('close', () => done()))
  return {
    child,
    async end() {
      if (child.pid === undefined) return
      kill(-child.pid, 'SIGKILL')
      await closed
    },
  }
}

/** True for the end of a process that took more memory than it may. */
export function isOutOfMemory(code: number | null, signal: NodeJS.Signals | null): boolean {
  return signal === 'SIGABRT' || signal === 'SIGTRAP' || code === 134 || code === 133
}
