/** Gives timers and sockets their turn while work goes on that never waits for them. */
import type { Clock } from '../ports/ambient.ts'

/** Milliseconds of work after which the event loop has a turn. */
const sliceMs = 8

/** Shared by all who work at the same time: their slices add up. */
export class EventLoopTurns {
  readonly #clock: Clock
  #since: number
  #turn: Promise<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.monotonic()
  }

  /** Returns a promise of the next turn where one is due, else undefined. */
  due(): Promise<void> | undefined {
    if (this.#turn !== undefined || this.#clock.monotonic() - this.#since < sliceMs) return this.#turn
    this.#turn = new Promise((resolve) => {
      this.#clock.yieldTo(() => {
        this.#turn = undefined
        this.#since = this.#clock.monotonic()
        resolve()
      })
    })
    return this.#turn
  }
}
