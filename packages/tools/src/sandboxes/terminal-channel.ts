/** A terminal for a command, by the optional package `@lydell/node-pty`. */
import { constants } from 'node:os'
import type { TerminalSize } from '@beamclaw/core'
import type * as terminals from '@lydell/node-pty'
import { exportsOf } from '../exports-of.ts'
import type { ChannelEvents, CommandChannel } from './command-channel.ts'
import { inputClosed } from './command-error.ts'

/** What starts a command in a terminal. */
export type TerminalModule = Pick<typeof terminals, 'spawn'>

/** Resolves with the package; with undefined where it is not installed, or has no build for this platform. */
export async function loadTerminals(): Promise<TerminalModule | undefined> {
  try {
    return exportsOf(await import('@lydell/node-pty'), 'spawn')
  } catch {
    return undefined
  }
}

// What a terminal takes for the end of the input.
const endOfTransmission = '\x04'

/** Owns one terminal. Output and errors come as one stream. */
export class TerminalChannel implements CommandChannel {
  readonly hasTerminal = true
  readonly #terminal: terminals.IPty
  #isOpen = true
  #events: ChannelEvents | undefined
  // What comes before there is an owner to tell.
  readonly #early: ((events: ChannelEvents) => void)[] = []

  constructor(terminal: terminals.IPty) {
    this.#terminal = terminal
    // Opened without an encoding, it gives bytes, whatever its types say.
    terminal.onData((data: string | Uint8Array) => {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data
      this.#tell(({ output }) => output(bytes, 'stdout'))
    })
    terminal.onExit(({ exitCode, signal }) => {
      this.#isOpen = false
      const name = signalName(signal)
      this.#tell(({ ended, exited }) => {
        ended()
        exited(name === undefined ? exitCode : undefined, name)
      })
    })
  }

  get pid(): number {
    return this.#terminal.pid
  }

  open(events: ChannelEvents): void {
    this.#events = events
    for (const tell of this.#early.splice(0)) tell(events)
  }

  async write(data: Uint8Array): Promise<void> {
    if (!this.#isOpen) throw inputClosed()
    this.#terminal.write(Buffer.from(data) as unknown as string)
  }

  async endInput(): Promise<void> {
    if (this.#isOpen) this.#terminal.write(endOfTransmission)
  }

  resize({ columns, rows }: TerminalSize): void {
    if (!this.#isOpen) return
    try {
      this.#terminal.resize(columns, rows)
    } catch {
      // It ends at this moment.
    }
  }

  close(): void {
    this.#isOpen = false
  }

  #tell(tell: (events: ChannelEvents) => void): void {
    if (this.#events === undefined) this.#early.push(tell)
    else tell(this.#events)
  }
}

/** Returns the name of a signal's number; undefined for none. */
export function signalName(number: number | undefined): string | undefined {
  if (number === undefined || number === 0) return undefined
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0]
}
