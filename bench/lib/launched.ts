/** A program of ours in a process group of its own: started, watched until it is ready, and ended one way or another. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface LaunchOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

export class Launched {
  readonly url: string
  /** Seconds from its start until it said that it is ready. */
  readonly readySeconds: number
  readonly #child: ChildProcess

  private constructor(url: string, readySeconds: number, child: ChildProcess) {
    this.url = url
    this.readySeconds = readySeconds
    this.#child = child
  }

  /** Starts a gateway that logs JSON; rejects with what it printed when it ends before it is ready. */
  static async start(command: string, args: readonly string[], { cwd, env = {} }: LaunchOptions): Promise<Launched> {
    const startedAt = performance.now()
    const child = spawn(command, args, {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: systemPath(), HOME: process.env.HOME ?? cwd, BEAMCLAW_PORT: '0', BEAMCLAW_LOG_FORMAT: 'json', ...env },
    })
    let printed = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
    })
    const ready = Promise.withResolvers<string>()
    const lines = createInterface({ input: child.stdout ?? process.stdin })
    lines.on('line', (line) => {
      printed += `${line}\n`
      const url = /"event":"gateway\.ready".*"url":"([^"]+)"/.exec(line)?.[1]
      if (url !== undefined) ready.resolve(url)
    })
    child.on('exit', (code) => ready.reject(new Error(`it ended with ${code}:\n${printed}`)))
    const url = await ready.promise
    return new Launched(url, (performance.now() - startedAt) / 1_000, child)
  }

  /** Ends it and everything it started. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    process.kill(-this.#child.pid, signal)
    await once(this.#child, 'exit')
  }
}

/** Without the workspace's own programs: what a user's shell has. */
function systemPath(): string {
  return (process.env.PATH ?? '')
    .split(':')
    .filter((folder) => !folder.includes('node_modules'))
    .join(':')
}
