/** Wall time that survives jumps of the wall clock; budgets are counted by it. Pure: both times are parameters. */

/** A jump of this size is accepted: time servers correct less, and leap seconds far less. */
const toleranceMs = 5 * 60_000

/** A machine that slept wakes with its wall clock ahead. A wall clock that stays ahead for this long is accepted. */
const believedAfterMs = 60 * 60_000

/**
 * Wall milliseconds that never go back. They follow the wall clock while it agrees with the monotonic one, within five minutes; when it
 * jumps, they go on by the monotonic one, and follow the wall clock forward again once it has been ahead for an hour.
 */
export class SteadyTime {
  #time: number
  #monotonic: number
  // When the wall clock got ahead; undefined while it is not.
  #aheadSince: number | undefined

  constructor(wallMs: number, monotonicMs: number) {
    this.#time = wallMs
    this.#monotonic = monotonicMs
  }

  /** Returns the time for these readings of the two clocks. */
  at(wallMs: number, monotonicMs: number): number {
    const steady = this.#time + Math.max(0, monotonicMs - this.#monotonic)
    const ahead = wallMs - steady
    if (ahead <= toleranceMs) this.#aheadSince = undefined
    else this.#aheadSince ??= monotonicMs
    const isBelieved = this.#aheadSince !== undefined && monotonicMs - this.#aheadSince >= believedAfterMs
    const followsWall = isBelieved || Math.abs(ahead) <= toleranceMs
    this.#time = Math.max(this.#time, followsWall ? wallMs : steady)
    this.#monotonic = Math.max(this.#monotonic, monotonicMs)
    if (isBelieved) this.#aheadSince = undefined
    return this.#time
  }
}
