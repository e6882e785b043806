/** Gives timers and sockets their turn while work goes on that never waits for them. */
import type { Clock } from '../../ports/services.ts'

/** Milliseconds of work after which the event loop has a turn. */
const sliceMs = 8

/** Shared by all readers that work at the same time: their slices add up. Time in which the event loop had its turns does not count. */
export class EventLoopTurns {
  readonly #clock: Clock
  /** When the first work since the last turn was done. */
  #since = 0
  /** The next turn; undefined while nothing was done since the last one. */
  #turn: Promise<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns a promise of the next turn where one is due, else undefined. Call it after each piece of work. */
  due(): Promise<void> | undefined {
    const now = this.#clock.monotonic()
    if (this.#turn !== undefined) return now - this.#since < sliceMs ? undefined : this.#turn
    this.#since = now
    this.#turn = new Promise((resolve) => {
      this.#clock.yieldTo(() => {
        this.#turn = undefined
        resolve()
      })
    })
    return undefined
  }
}
