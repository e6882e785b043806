/** Lets pieces of work begin one after another, each in a turn of the event loop: many at once hold up nothing else. */
import type { Clock } from '@beamclaw/actor'

/** The first in a turn goes on at once; others wait in order, one for each later turn. */
export class TurnQueue {
  readonly #yieldTo: Clock['yieldTo']
  readonly #waiting: (() => void)[] = []
  #isTaken = false

  constructor(clock: Pick<Clock, 'yieldTo'>) {
    this.#yieldTo = (callback) => clock.yieldTo(callback)
  }

  /** Resolves when the next piece may begin; undefined for at once. */
  next(): Promise<void> | undefined {
    if (this.#isTaken) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#take()
    return undefined
  }

  #take(): void {
    this.#isTaken = true
    this.#yieldTo(() => {
      this.#isTaken = false
      const first = this.#waiting.shift()
      if (first === undefined) return
      this.#take()
      first()
    })
  }
}
