/** Runs a command as a person does, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface CliOutcome {
  /** The exit code, or the signal that ended it. */
  readonly code: number | NodeJS.Signals
  readonly output: string
  readonly errors: string
}

export interface CliOptions {
  readonly cwd?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly input?: string
  /** Another user of this machine. */
  readonly uid?: number
}

const bin = fileURLToPath(new URL('../bin.ts', import.meta.url))

/** A command under way. */
export class CliProcess {
  readonly child: ChildProcess
  readonly outcome: Promise<CliOutcome>
  #output = ''
  #errors = ''

  constructor(args: readonly string[], { cwd, environment = {}, input = '', uid }: CliOptions = {}) {
    const child = spawn(process.execPath, ['--conditions=beamclaw:source', bin, ...args], {
      ...(cwd === undefined ? {} : { cwd }),
      ...(uid === undefined ? {} : { uid }),
      env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...environment },
    })
    this.child = child
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    child.stdin.on('error', () => {}).end(input)
    this.outcome = once(child, 'close').then(([code, signal]) => ({
      code: (code ?? signal) as number | NodeJS.Signals,
      output: this.#output,
      errors: this.#errors,
    }))
  }

  /** Resolves once it has printed a text. Rejects when it ends before that. */
  async printed(text: string): Promise<void> {
    while (!this.#output.includes(text)) {
      const { stdout, exitCode } = this.child
      if (stdout === null || exitCode !== null) throw new Error(`It never printed "${text}":\n${this.#output}${this.#errors}`)
      await Promise.race([once(stdout, 'data'), this.outcome])
    }
  }
}

/** Runs a command to its end. */
export function runCli(args: readonly string[], options?: CliOptions): Promise<CliOutcome> {
  return new CliProcess(args, options).outcome
}

/** The lines of JSON that a command printed. */
export function jsonLines({ output }: CliOutcome): readonly Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
