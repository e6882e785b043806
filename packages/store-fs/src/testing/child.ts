/** Runs the append loop in a process of its own and reads what it prints. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('./append-loop.ts', import.meta.url))

/** One line of the append loop. */
export interface LoopLine {
  readonly opened?: number
  readonly acknowledged?: number
  readonly stopped?: number
  readonly failed?: string
  readonly message?: string
  readonly details?: Readonly<Record<string, unknown>>
}

export class LoopProcess {
  readonly child: ChildProcess
  readonly lines: LoopLine[] = []
  readonly ended: Promise<unknown>
  #onLine: (() => void) | undefined
  #hasEnded = false

  /** @param wrapper a program and its arguments that starts the loop, such as `unshare`. */
  constructor(args: readonly string[], wrapper: readonly string[] = []) {
    const [program = process.execPath, ...rest] = [...wrapper, process.execPath, '--conditions=beamclaw:source', script, ...args]
    this.child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    const { stdout } = this.child
    if (stdout === null) throw new Error('the child has no output')
    const reader = createInterface({ input: stdout })
    reader.on('line', (line) => {
      this.lines.push(JSON.parse(line) as LoopLine)
      this.#onLine?.()
    })
    this.ended = Promise.all([once(this.child, 'exit'), once(reader, 'close')]).then(() => {
      this.#hasEnded = true
      this.#onLine?.()
    })
  }

  /** The highest seq that was acknowledged. */
  get acknowledged(): number {
    return Math.max(0, ...this.lines.map(({ opened = 0, acknowledged = 0 }) => Math.max(opened, acknowledged)))
  }

  /** Resolves when `isReached` returns true for the lines so far, or when the process has ended. */
  async until(isReached: (lines: readonly LoopLine[]) => boolean): Promise<void> {
    while (!isReached(this.lines) && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#onLine = resolve
      })
    }
  }

  /** Sends a signal to the loop's process. */
  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  /** Ends the process, even a suspended one. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGKILL')
    await this.ended
  }
}
