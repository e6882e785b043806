/** A channel whose errors begin with a line of ours, which tells that the command has started. */
import type { ChannelEvents, CommandChannel } from './command-channel.ts'

const maxBeforeMark = 64 * 1024

/** What the line says, in words after the mark; undefined when the other side ended without it. */
export interface MarkLine {
  readonly words: readonly string[] | undefined
  /** What came before it, such as a message of the client. */
  readonly before: string
}

/** Takes the line out of the errors; everything else passes. */
export class MarkedChannel implements CommandChannel {
  readonly hasTerminal = false
  /** Settles when the line has come, or can no longer come. */
  readonly line: Promise<MarkLine>
  readonly #inner: CommandChannel
  readonly #early: ((events: ChannelEvents) => void)[] = []
  readonly #mark: string
  readonly #found = Promise.withResolvers<MarkLine>()
  #events: ChannelEvents | undefined
  #before: Buffer | undefined = Buffer.alloc(0)

  constructor(inner: CommandChannel, mark: string) {
    this.#inner = inner
    this.#mark = mark
    this.line = this.#found.promise
    inner.open({
      output: (chunk, stream) => this.#output(chunk, stream),
      exited: (code, signal) => {
        this.#giveUp()
        this.#tell(({ exited }) => exited(code, signal))
      },
      ended: () => {
        this.#giveUp()
        this.#tell(({ ended }) => ended())
      },
    })
  }

  get pid(): number | undefined {
    return this.#inner.pid
  }

  open(events: ChannelEvents): void {
    this.#events = events
    for (const tell of this.#early.splice(0)) tell(events)
  }

  write(data: Uint8Array): Promise<void> {
    return this.#inner.write(data)
  }

  endInput(): Promise<void> {
    return this.#inner.endInput()
  }

  resize(): void {}

  close(): void {
    this.#inner.close()
  }

  #output(chunk: Uint8Array, stream: 'stdout' | 'stderr'): void {
    if (stream === 'stdout' || this.#before === undefined) {
      this.#tell(({ output }) => output(chunk, stream))
      return
    }
    this.#before = Buffer.concat([this.#before, chunk])
    const start = this.#before.indexOf(`\n${this.#mark} `)
    const end = start < 0 ? -1 : this.#before.indexOf('\n', start + 1)
    if (end < 0) {
      if (this.#before.length > maxBeforeMark) this.#giveUp()
      return
    }
    const line = this.#before.subarray(start + 1, end).toString('latin1')
    const [before, rest] = [this.#before.subarray(0, start), this.#before.subarray(end + 1)]
    this.#before = undefined
    this.#found.resolve({ words: line.split(' ').slice(1), before: before.toString() })
    if (rest.length > 0) this.#tell(({ output }) => output(rest, 'stderr'))
  }

  #giveUp(): void {
    const before = this.#before
    if (before === undefined) return
    this.#before = undefined
    this.#found.resolve({ words: undefined, before: before.toString() })
    if (before.length > 0) this.#tell(({ output }) => output(before, 'stderr'))
  }

  #tell(tell: (events: ChannelEvents) => void): void {
    if (this.#events === undefined) this.#early.push(tell)
    else tell(this.#events)
  }
}
