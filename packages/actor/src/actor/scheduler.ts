/**
 * Gives turns to the actors that have messages, and yields to the event loop between slices, so that timers and sockets are served.
 *
 * Phases: `resting` ⇄ `drain queued`, and a slice that is `closed`, `open` or `spent`.
 * Owns the queue of actors that wait for a turn, and the list of actors that are called at the end of the slice.
 * I1: While an actor waits for a turn, exactly one drain is queued, even after a turn that threw.
 * I2: A slice ends at the next round of the event loop, however many microtask drains it took.
 * I3: No turn and no message begins more than `sliceMs` after the slice has begun: the clock is read before each.
 */

import { RingDeque } from '../base/ring-deque.ts'
import type { Clock } from '../ports/services.ts'

/** An object that takes turns. Neither method may throw. */
export interface Runnable {
  /** Does a bounded amount of work; schedules itself again when there is more. */
  takeTurn(scheduler: Scheduler): void
  /** Called when the slice is over, once for each `Scheduler.afterSlice`. */
  afterSlice(): void
}

/** The longest that actors keep the event loop before timers and sockets are served. */
const sliceMs = 8

export class Scheduler {
  readonly clock: Clock
  readonly #ready = new RingDeque<Runnable>(64)
  #leftOver: Runnable[] = []
  #isDrainQueued = false
  #isSliceOpen = false
  #isSliceSpent = false
  #sliceStart = 0
  #lastRead = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** The monotonic time of the scheduler's last look at the clock: just before the message in hand, for its actor. */
  get recentTime(): number {
    return this.#lastRead
  }

  /** Queues one turn. The caller makes sure that nothing is queued twice. */
  schedule(runnable: Runnable): void {
    this.#ready.push(runnable)
    if (!this.#isDrainQueued) this.#queueDrain()
  }

  /** Calls `afterSlice` when the event loop comes round. */
  afterSlice(runnable: Runnable): void {
    this.#openSlice()
    this.#leftOver.push(runnable)
  }

  /** Reads the clock; returns true when the running actor must yield to the event loop before its next message. */
  shouldYield(): boolean {
    if (this.#isSliceSpent) return true
    this.#lastRead = this.clock.monotonic()
    this.#isSliceSpent = this.#lastRead - this.#sliceStart > sliceMs
    return this.#isSliceSpent
  }

  readonly #drain = (): void => {
    this.#openSlice()
    try {
      // An actor that finds the slice spent queues itself again, behind the others.
      while (!this.#isSliceSpent) {
        const runnable = this.#ready.shift()
        if (runnable === undefined) break
        runnable.takeTurn(this)
      }
    } finally {
      this.#isDrainQueued = false
      if (this.#ready.length > 0) this.#queueDrain()
    }
  }

  #queueDrain(): void {
    this.#isDrainQueued = true
    // Always from a microtask: V8 also writes a report of what is thrown and caught below a callback of the event loop, which costs a crash a third more.
    if (this.#isSliceSpent) this.clock.yieldTo(this.#drainSoon)
    else this.#drainSoon()
  }

  readonly #drainSoon = (): void => queueMicrotask(this.#drain)

  #openSlice(): void {
    if (this.#isSliceOpen) return
    this.#isSliceOpen = true
    this.#sliceStart = this.clock.monotonic()
    this.#lastRead = this.#sliceStart
    this.clock.yieldTo(this.#closeSlice)
  }

  readonly #closeSlice = (): void => {
    this.#isSliceOpen = false
    this.#isSliceSpent = false
    if (this.#leftOver.length === 0) return
    const leftOver = this.#leftOver
    this.#leftOver = []
    for (const runnable of leftOver) runnable.afterSlice()
  }
}
