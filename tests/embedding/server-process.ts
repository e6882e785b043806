/** A web server in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface ServerOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

/** Nothing of the test runner's own environment: Next would take `NODE_ENV=test` for a wish. */
export function serverEnvironment(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH = '', HOME = '' } = process.env
  return { PATH, HOME, NEXT_TELEMETRY_DISABLED: '1', CI: '1', ...env } as unknown as NodeJS.ProcessEnv
}

export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #exit: Promise<readonly [number | null, NodeJS.Signals | null]>
  #output = ''

  constructor({ command, args, cwd, env }: ServerOptions) {
    this.#child = spawn(command, args, { cwd, env: serverEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] })
    this.#exit = once(this.#child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
      })
    }
  }

  /** Its output so far. */
  get output(): string {
    return this.#output
  }

  /** Resolves with its address, once it has printed that; rejects when the process ends before. */
  async url(): Promise<string> {
    for (;;) {
      const [url] = /http:\/\/localhost:\d+/.exec(this.#output) ?? []
      if (url !== undefined) return url
      const printed = this.#child.stdout === null ? this.#exit : once(this.#child.stdout, 'data')
      await Promise.race([printed, this.#exit])
      if (this.#child.exitCode !== null) throw new Error(`The server ended with ${this.#child.exitCode}:\n${this.#output}`)
    }
  }

  /** Sends the signal, and resolves with the exit code, or the signal that ended the process. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | string | null> {
    this.#child.kill(signal)
    const [code, endedBy] = await this.#exit
    return code ?? endedBy
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
  }
}
