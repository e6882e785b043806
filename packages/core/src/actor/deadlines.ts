/**
 * Ends calls whose time is up, with one timer for an actor's calls however many there are.
 *
 * Owns a binary heap of the envelopes that are waited for; the envelope knows its place in it, so that it can leave when it is settled.
 * I1: The first in the heap is due first.
 * I2: Every envelope in the heap is awaited and has this as its timer.
 * I3: A timer is pending only while the heap is not empty, and never fires later than the first deadline.
 */
import { maxTimerMs } from '../options.ts'
import type { Clock, TimerHandle } from '../ports/ambient.ts'
import type { Envelope, EnvelopeTimer } from './envelope.ts'
import { callTimeout } from './failures.ts'

export class Deadlines implements EnvelopeTimer {
  readonly #clock: Clock
  readonly #actorId: string
  readonly #heap: Envelope[] = []
  #timer: TimerHandle | undefined
  #armedFor = Number.POSITIVE_INFINITY

  constructor(clock: Clock, actorId: string) {
    this.#clock = clock
    this.#actorId = actorId
  }

  /** Watches a call, unless it is watched already, settled, or has no deadline. */
  add(envelope: Envelope): void {
    if (envelope.timer !== undefined || !envelope.isAwaited || envelope.deadline === Number.POSITIVE_INFINITY) return
    envelope.timer = this
    this.#moveUp(envelope, this.#heap.length)
  }

  /** Called by an envelope that is settled. */
  remove(envelope: Envelope): void {
    const index = envelope.heapIndex
    envelope.timer = undefined
    envelope.heapIndex = -1
    const last = this.#heap.pop()
    if (last !== undefined && last !== envelope) {
      this.#moveDown(last, index)
      this.#moveUp(last, last.heapIndex)
    }
    if (this.#heap.length === 0) this.#cancel()
  }

  /** Fails the calls that are due and sets the timer for the next one. */
  arm(): void {
    const now = this.#clock.monotonic()
    let first = this.#heap[0]
    for (; first !== undefined && first.deadline <= now; first = this.#heap[0]) first.reject(callTimeout(this.#actorId))
    if (first === undefined || first.deadline >= this.#armedFor) return
    this.#cancel()
    this.#armedFor = first.deadline
    this.#timer = this.#clock.setTimer(
      () => {
        this.#armedFor = Number.POSITIVE_INFINITY
        this.#timer = undefined
        this.arm()
      },
      Math.min(maxTimerMs, Math.ceil(first.deadline - now)),
    )
  }

  #cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#armedFor = Number.POSITIVE_INFINITY
  }

  #moveUp(envelope: Envelope, from: number): void {
    let index = from
    while (index > 0) {
      const parent = this.#heap[(index - 1) >> 1] as Envelope
      if (parent.deadline <= envelope.deadline) break
      this.#place(parent, index)
      index = (index - 1) >> 1
    }
    this.#place(envelope, index)
  }

  #moveDown(envelope: Envelope, from: number): void {
    let index = from
    for (
      let child = this.#earlierChild(index);
      child !== undefined && child.deadline < envelope.deadline;
      child = this.#earlierChild(index)
    ) {
      const next = child.heapIndex
      this.#place(child, index)
      index = next
    }
    this.#place(envelope, index)
  }

  #earlierChild(index: number): Envelope | undefined {
    const left = this.#heap[2 * index + 1]
    const right = this.#heap[2 * index + 2]
    return right !== undefined && left !== undefined && right.deadline < left.deadline ? right : left
  }

  #place(envelope: Envelope, index: number): void {
    this.#heap[index] = envelope
    envelope.heapIndex = index
  }
}
