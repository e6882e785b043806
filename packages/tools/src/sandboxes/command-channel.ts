/** How the bytes of a command come and go: pipes, a terminal, or files that outlive the host. */
import type { ChildProcess } from 'node:child_process'
import type { TerminalSize } from '@beamclaw/core'
import { inputClosed } from './command-error.ts'

/** Called for what comes of a command. `exited` and `ended` once each; `ended` when no more output can come, also before `exited`. */
export interface ChannelEvents {
  output(chunk: Uint8Array, stream: 'stdout' | 'stderr'): void
  exited(code: number | undefined, signal: string | undefined): void
  ended(): void
}

/** The two directions of one command. */
export interface CommandChannel {
  readonly pid: number | undefined
  readonly hasTerminal: boolean
  /** Begins to deliver. */
  open(events: ChannelEvents): void
  write(data: Uint8Array): Promise<void>
  endInput(): Promise<void>
  resize(size: TerminalSize): void
  /** Reads no more, and lets go of every descriptor. */
  close(): void
}

/** Pipes to a child of this process, which owns them. */
export class PipeChannel implements CommandChannel {
  readonly hasTerminal = false
  readonly #child: ChildProcess
  readonly #exit: Promise<{ readonly code: number | undefined; readonly signal: string | undefined }>
  readonly #close: Promise<void>

  constructor(child: ChildProcess) {
    this.#child = child
    // From the beginning: the command may be over before its owner listens.
    this.#exit = new Promise((resolve) =>
      child.once('exit', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined })),
    )
    this.#close = new Promise((resolve) => child.once('close', () => resolve()))
    // A command that has closed its input: the write that is under way is rejected.
    child.stdin?.on('error', () => undefined)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  open({ output, exited, ended }: ChannelEvents): void {
    const child = this.#child
    child.stdout?.on('data', (chunk: Uint8Array) => output(chunk, 'stdout')).on('error', () => undefined)
    child.stderr?.on('data', (chunk: Uint8Array) => output(chunk, 'stderr')).on('error', () => undefined)
    void this.#exit.then(({ code, signal }) => exited(code, signal))
    void this.#close.then(ended)
  }

  write(data: Uint8Array): Promise<void> {
    const { stdin } = this.#child
    if (stdin === null || !stdin.writable) return Promise.reject(inputClosed())
    return new Promise((resolve, reject) => {
      stdin.write(Buffer.from(data), (error) => (error ? reject(inputClosed(error)) : resolve()))
    })
  }

  endInput(): Promise<void> {
    const { stdin } = this.#child
    if (stdin === null || !stdin.writable) return Promise.resolve()
    return new Promise((resolve) => stdin.end(() => resolve()).once('close', resolve))
  }

  resize(): void {}

  close(): void {
    for (const stream of this.#child.stdio) stream?.destroy()
  }
}
