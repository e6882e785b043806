/**
 * The messages that wait for an actor, in two lanes, each first in, first out: bounded for work, unbounded for control.
 *
 * Phases: none. Owns the envelopes from `offer` until it hands them out; the message loop owns the mailbox.
 * I1: The work lane holds at most `maxSize` messages and `maxBytes` estimated bytes; `offer` refuses what would exceed either.
 * I2: `size` and `bytes` count the waiting work, `controlSize` the waiting control messages.
 */

import { RingDeque } from '../base/ring-deque.ts'
import type { Envelope } from './envelope.ts'

/** Bounds of the work lane. */
export interface MailboxLimits {
  /** @default 1000 */
  readonly maxSize: number
  /** Estimated bytes of all waiting messages. @default 8388608 */
  readonly maxBytes: number
}

export class Mailbox {
  // Most mailboxes hold one message at a time: the first one waits outside the ring, so that those never need a ring.
  #first: Envelope | undefined
  #rest: RingDeque<Envelope> | undefined
  #control: RingDeque<Envelope> | undefined
  #bytes = 0
  // How many at the end of the work lane `forEachNew` has not visited.
  #new = 0

  /** Messages waiting in the work lane. */
  get size(): number {
    return this.#first === undefined ? 0 : 1 + (this.#rest?.length ?? 0)
  }

  /** Messages waiting in the control lane. */
  get controlSize(): number {
    return this.#control?.length ?? 0
  }

  /** Estimated bytes waiting in the work lane. */
  get bytes(): number {
    return this.#bytes
  }

  /** Adds work; returns false when there is no room for it. */
  offer(envelope: Envelope, limits: MailboxLimits): boolean {
    if (this.#bytes + envelope.size > limits.maxBytes) return false
    if (this.#first === undefined) {
      if (limits.maxSize === 0) return false
      this.#first = envelope
    } else {
      this.#rest ??= new RingDeque()
      if (this.#rest.length + 1 >= limits.maxSize) return false
      this.#rest.push(envelope)
    }
    this.#bytes += envelope.size
    this.#new++
    return true
  }

  /** Adds control; there is always room. */
  offerControl(envelope: Envelope): void {
    this.#control ??= new RingDeque()
    this.#control.push(envelope)
  }

  shift(): Envelope | undefined {
    const envelope = this.#first
    if (envelope === undefined) return undefined
    this.#bytes -= envelope.size
    this.#first = this.#rest?.shift()
    if (this.#first === undefined) this.#rest = undefined
    return envelope
  }

  shiftControl(): Envelope | undefined {
    const control = this.#control
    if (control === undefined) return undefined
    const envelope = control.shift()
    if (control.length === 0) this.#control = undefined
    return envelope
  }

  /** Visits the work that has come since the last time and still waits. */
  forEachNew(visit: (envelope: Envelope) => void): void {
    const count = Math.min(this.#new, this.size)
    this.#new = 0
    if (count === 0) return
    if (count === this.size && this.#first !== undefined) visit(this.#first)
    this.#rest?.forEachLast(Math.min(count, this.#rest.length), visit)
  }

  /** Visits every message that waits, control first, without taking it out. */
  forEach(visit: (envelope: Envelope) => void): void {
    this.#control?.forEach(visit)
    if (this.#first !== undefined) visit(this.#first)
    this.#rest?.forEach(visit)
  }
}
