/** Yields to the event loop during work that never waits for timers or sockets. */
import type { Clock } from '@beamclaw/actor'

/** Milliseconds of work after which the event loop gets a turn. */
const sliceMs = 8

/** Small pieces that are done without a look at the clock: reading it, and asking for a turn, costs as much as a piece. */
const smallPieces = 16

/** Shared by all concurrent readers: their work adds up. Time in which the event loop ran does not count. */
export class EventLoopTurns {
  readonly #clock: Clock
  /** Time at which the first work since the last turn ended. */
  #since = 0
  #unseen = 0
  /** The next turn; undefined while no work was done since the last one. */
  #turn: Promise<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns a promise of the next turn when one is due, else undefined. Call it after each piece of work. */
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

  /** As `due`, after a piece that takes microseconds, such as a part of a stream. */
  dueAmongMany(): Promise<void> | undefined {
    if (++this.#unseen < smallPieces) return undefined
    this.#unseen = 0
    return this.due()
  }
}
