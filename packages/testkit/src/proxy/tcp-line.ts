/** One direction of one connection through a `TcpProxy`. */
import type { Socket } from 'node:net'
import type { Clock } from '@beamclaw/core'

/** What happens to bytes that come now. `swallow` takes the end of the connection, too: the other side never hears of it. */
export type LineMode = 'pass' | 'hold' | 'swallow'

/** What all lines of one direction have in common; the proxy changes it. */
export interface LineRules {
  mode: LineMode
  delayMs: number
  /** Called when something is held. */
  onHeld: (() => void) | undefined
}

/** How a side has closed: in order, or as by a crash of its machine. */
type Ending = 'end' | 'reset'

interface Item {
  readonly content: Buffer | Ending
  readonly dueAt: number
}

/** I1: what arrives is what was sent, in order, without what was swallowed. I2: while something is held or late, all behind it waits. */
export class TcpLine {
  readonly #from: Socket
  readonly #to: Socket
  readonly #rules: LineRules
  readonly #clock: Pick<Clock, 'monotonic' | 'setTimer'>
  readonly #waiting: Item[] = []
  #timer: { cancel(): void } | undefined

  constructor(from: Socket, to: Socket, rules: LineRules, clock: Pick<Clock, 'monotonic' | 'setTimer'>) {
    this.#from = from
    this.#to = to
    this.#rules = rules
    this.#clock = clock
    from.on('data', (bytes: Buffer) => this.#take(bytes))
    from.on('end', () => this.#take('end'))
    from.on('error', () => this.#take('reset'))
    to.on('drain', () => from.resume())
    to.on('close', () => this.#close())
  }

  get isHolding(): boolean {
    return this.#waiting.length > 0 && this.#rules.mode === 'hold'
  }

  /** Sends on what may go by the present rules. */
  pump(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (let first = this.#waiting[0]; first !== undefined && this.#rules.mode !== 'hold'; first = this.#waiting[0]) {
      const wait = first.dueAt - this.#clock.monotonic()
      if (wait > 0) {
        this.#timer = this.#clock.setTimer(() => this.pump(), wait)
        return
      }
      this.#waiting.shift()
      this.#send(first.content)
    }
  }

  #take(content: Item['content']): void {
    const { mode, delayMs, onHeld } = this.#rules
    if (mode === 'swallow' || this.#to.destroyed) return
    this.#waiting.push({ content, dueAt: this.#clock.monotonic() + delayMs })
    if (mode === 'hold') onHeld?.()
    else this.pump()
  }

  #send(content: Item['content']): void {
    if (this.#to.destroyed) return
    if (content === 'end') this.#to.end()
    else if (content === 'reset') reset(this.#to)
    else if (!this.#to.write(content)) this.#from.pause()
  }

  /** The receiver is gone: what waits for it is lost, and its sender must not wait until it can write. */
  #close(): void {
    this.#waiting.length = 0
    this.#timer?.cancel()
    this.#from.resume()
  }
}

/** Ends a connection as a crash of its machine does. A unix socket knows no reset, and is closed. */
export function reset(socket: Socket): void {
  if (socket.remoteFamily === undefined) socket.destroy()
  else socket.resetAndDestroy()
}
