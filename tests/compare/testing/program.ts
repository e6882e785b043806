/** A program of the comparison, run as its reader runs it: in a process of its own, against a model server. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ModelServer } from '@beamclaw/testkit/model-server'

/** The three ways in which each program is written; the names of its files. */
export const sdks = ['beamclaw', 'ai-sdk', 'openai-agents'] as const

/** One of the three. */
export type Sdk = (typeof sdks)[number]

/** What a program is started with. */
export interface ProgramOptions {
  readonly sdk: Sdk
  /** Folders below `programs`. */
  readonly names: readonly string[]
  readonly server: ModelServer
  /** The working directory. */
  readonly cwd: string
  readonly args?: readonly string[]
  /** A file of this folder that gets the paths of the programs as its arguments. @default the program itself */
  readonly through?: string
}

/** What a program has left behind. */
export interface Outcome {
  readonly code: number | null
  readonly lines: readonly string[]
  readonly errors: string
}

/** A process that runs a program. Disposing of it kills it. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #closed: Promise<unknown>
  #output = ''
  #errors = ''

  constructor({ sdk, names, server, cwd, args = [], through }: ProgramOptions) {
    const paths = names.map((name) => fileURLToPath(new URL(`../programs/${name}/${sdk}.ts`, import.meta.url)))
    const entry = through === undefined ? paths : [fileURLToPath(new URL(through, import.meta.url)), ...paths]
    // None of the test runner's own environment. Traces of OpenAI Agents would leave for api.openai.com.
    const env = {
      PATH: process.env.PATH ?? '',
      OPENAI_BASE_URL: server.baseUrl,
      OPENAI_API_KEY: 'sk-none',
      OPENAI_AGENTS_DISABLE_TRACING: '1',
      // The same packages are loaded by every program.
      NODE_COMPILE_CACHE: fileURLToPath(new URL('../node_modules/.compile-cache', import.meta.url)),
    }
    this.#child = spawn(process.execPath, ['--conditions=beamclaw:source', ...entry, ...args], { cwd, env })
    this.#closed = once(this.#child, 'close')
    this.#child.stdin.on('error', () => {})
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text
    })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
  }

  /** Resolves when the program has printed the text. Rejects when it ends without. */
  async printed(text: string): Promise<string> {
    while (!this.#output.includes(text)) {
      const isClosed = await Promise.race([once(this.#child.stdout, 'data').then(() => false), this.#closed.then(() => true)])
      if (isClosed && !this.#output.includes(text)) throw new Error(`It ended without "${text}":\n${this.#output}${this.#errors}`)
    }
    return this.#output
  }

  /** Types a line. */
  type(line: string): void {
    this.#child.stdin.write(`${line}\n`)
  }

  /** Resolves when the program has ended. */
  async outcome(): Promise<Outcome> {
    await this.#closed
    return { code: this.#child.exitCode, errors: this.#errors, lines: this.#output.split('\n').filter((line) => line !== '') }
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
