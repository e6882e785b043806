/** The lines between the nodes of a `MemoryNetwork`: one for each direction of each pair. */
import type { Clock, NodeRef } from '@beamclaw/core'
import type { MessageFault, MessageFaultPlan, NetworkMessage } from './message-faults.ts'

/** A message with its body as text. `id` tells which request a reply belongs to. */
export interface Envelope {
  readonly kind: NetworkMessage['kind']
  readonly id: number
  readonly from: NodeRef
  readonly to: NodeRef
  readonly text: string
  /** True when `text` is an error in place of a reply. */
  readonly isFailure?: boolean
}

/** What the lines need to know of the nodes at their ends. */
export interface MessageLinesOptions {
  readonly clock: Clock
  readonly latencyMs: number
  readonly isCut: (from: NodeRef, to: NodeRef) => boolean
  /** Hands the message over at its end. A life that has ended takes none. */
  readonly deliver: (envelope: Envelope) => void
}

interface WaitingTell {
  readonly dueAt: number
  readonly envelope: Envelope
}

interface Line {
  readonly tells: WaitingTell[]
  isScheduled: boolean
}

/** I1: tells of one pair arrive in the order in which they were sent. I2: what a line loses or delays is decided when the message leaves. */
export class MessageLines {
  /** Undefined when nothing goes wrong. */
  faults: MessageFaultPlan | undefined
  readonly #options: MessageLinesOptions
  readonly #lines = new Map<string, Line>()
  #messages = 0

  constructor(options: MessageLinesOptions) {
    this.#options = options
  }

  send(envelope: Envelope): void {
    if (this.#options.isCut(envelope.from, envelope.to)) return
    const fault = this.#faultOf(envelope)
    if (fault?.type === 'lose') return
    this.#sendAfter(envelope, fault?.type === 'delay' ? fault.delayMs : 0)
    if (fault?.type === 'double') this.#sendAfter(envelope, fault.delayMs ?? 0)
  }

  #faultOf({ kind, from, to }: Envelope): MessageFault | undefined {
    // A message to itself leaves no process.
    if (from.id === to.id) return undefined
    return this.faults?.({ index: this.#messages++, kind, from, to })
  }

  #sendAfter(envelope: Envelope, delayMs: number): void {
    const { clock, latencyMs } = this.#options
    const wait = envelope.from.id === envelope.to.id ? 0 : latencyMs + delayMs
    if (envelope.kind !== 'tell') return this.#after(wait, () => this.#arrive(envelope))
    const line = this.#lineOf(envelope)
    line.tells.push({ dueAt: clock.monotonic() + wait, envelope })
    if (!line.isScheduled) this.#schedule(line)
  }

  #lineOf({ from, to }: Envelope): Line {
    const name = `${from.incarnation}\n${to.incarnation}`
    const line = this.#lines.get(name) ?? { tells: [], isScheduled: false }
    this.#lines.set(name, line)
    return line
  }

  #schedule(line: Line): void {
    const [first] = line.tells
    line.isScheduled = first !== undefined
    if (first !== undefined) this.#after(first.dueAt - this.#options.clock.monotonic(), () => this.#pump(line))
  }

  #pump(line: Line): void {
    const now = this.#options.clock.monotonic()
    for (let first = line.tells[0]; first !== undefined && first.dueAt <= now; first = line.tells[0]) {
      line.tells.shift()
      this.#arrive(first.envelope)
    }
    this.#schedule(line)
  }

  #after(ms: number, callback: () => void): void {
    const { clock } = this.#options
    if (ms > 0) clock.setTimer(callback, ms, true)
    else clock.yieldTo(callback)
  }

  #arrive(envelope: Envelope): void {
    if (!this.#options.isCut(envelope.from, envelope.to)) this.#options.deliver(envelope)
  }
}
