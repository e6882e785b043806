/** Gives every actor that has something to do its turn, and timers and sockets theirs in between. */
import type { Clock } from '../ports/ambient.ts'
import { RingDeque } from './ring-deque.ts'

/** Something that takes turns. Neither method may throw. */
export interface Runnable {
  /** Does a bounded amount of work; schedules itself again when there is more. */
  takeTurn(scheduler: Scheduler): void
  /** Called once when the slice is over, for each time it was asked for. */
  afterSlice(): void
}

/** The longest that actors keep the event loop before timers and sockets are served. */
const sliceMs = 8

// Reading the clock costs about a tenth of a turn, so it is read on every sixteenth.
const clockReadMask = 15

export class Scheduler {
  readonly clock: Clock
  readonly #ready = new RingDeque<Runnable>(64)
  #leftOver: Runnable[] = []
  #isDrainQueued = false
  #isSliceOpen = false
  #isSliceSpent = false
  #sliceStart = 0
  #lastRead = 0
  #turns = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** The monotonic time when this scheduler last looked: never ahead, and behind by a slice at most while actors run. */
  get recentTime(): number {
    return this.#lastRead
  }

  /** Queues one turn. The caller makes sure that nothing is queued twice. */
  schedule(runnable: Runnable): void {
    this.#ready.push(runnable)
    if (this.#isDrainQueued) return
    this.#isDrainQueued = true
    if (this.#isSliceSpent) this.clock.yieldTo(this.#drain)
    else queueMicrotask(this.#drain)
  }

  /** Calls `afterSlice` when the event loop comes round. */
  afterSlice(runnable: Runnable): void {
    this.#openSlice()
    this.#leftOver.push(runnable)
  }

  /** True when the running actor should let others have the event loop. */
  shouldYield(): boolean {
    if (this.#isSliceSpent) return true
    this.#lastRead = this.clock.monotonic()
    this.#isSliceSpent = this.#lastRead - this.#sliceStart > sliceMs
    return this.#isSliceSpent
  }

  readonly #drain = (): void => {
    this.#openSlice()
    for (let runnable = this.#ready.shift(); runnable !== undefined; runnable = this.#ready.shift()) {
      runnable.takeTurn(this)
      if ((++this.#turns & clockReadMask) === 0 && this.shouldYield()) break
    }
    this.#isDrainQueued = this.#ready.length > 0
    if (this.#isDrainQueued) this.clock.yieldTo(this.#drain)
  }

  // A slice ends when the event loop has come round, however many microtask drains it took.
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
