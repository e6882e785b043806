/** What was taken in the last minute: no stretch of 60 s ever holds more than the limit. Pure: the time is a parameter. */

const minuteMs = 60_000

// Sums of fractions may fall short by a hair of what they stand for.
const hair = 1e-6

/** What one call took, and when. */
export interface Taken {
  readonly at: number
  amount: number
}

/** Times are monotonic milliseconds and never go back. Holds one entry for each call of the last minute. */
export class MinuteWindow {
  #limit: number
  #entries: Taken[] = []
  #sum = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Changes the limit; what the last minute holds stays. */
  setLimit(limit: number): void {
    this.#limit = limit
  }

  /** Returns what may be taken at `now`; negative when more was taken than the limit. */
  level(now: number): number {
    this.#forget(now)
    return this.#limit - this.#sum
  }

  /**
   * Returns the whole milliseconds until the last of `amounts` may be taken, when those before it are taken as soon as they may. An amount
   * beyond the limit may be taken when the minute before holds nothing.
   */
  waitMs(amounts: readonly number[], now: number): number {
    this.#forget(now)
    const entries = [...this.#entries]
    let sum = this.#sum
    let oldest = 0
    let at = now
    for (const amount of amounts) {
      for (; sum + Math.min(amount, this.#limit) > this.#limit + hair; oldest++) {
        const entry = entries[oldest]
        if (entry === undefined) break
        sum -= entry.amount
        at = Math.max(at, entry.at + minuteMs)
      }
      entries.push({ at, amount })
      sum += amount
    }
    return Math.ceil(at - now)
  }

  /** Takes `amount`, whether or not it is there. */
  take(amount: number, now: number): Taken {
    const taken = { at: now, amount }
    this.#entries.push(taken)
    this.#sum += amount
    return taken
  }

  /** Corrects what was taken to what was used: less counts at the time of the taking, what is beyond counts from `now` on. */
  settle(taken: Taken, used: number, now: number): void {
    this.#forget(now)
    if (used > taken.amount) this.take(used - taken.amount, now)
    else if (taken.at > now - minuteMs) {
      this.#sum -= taken.amount - used
      taken.amount = used
    }
  }

  #forget(now: number): void {
    const kept = this.#entries.findIndex(({ at }) => at > now - minuteMs)
    const gone = kept === -1 ? this.#entries.splice(0) : kept > 0 ? this.#entries.splice(0, kept) : []
    for (const { amount } of gone) this.#sum -= amount
    // Rounding must not add up over the life of a process.
    if (this.#entries.length === 0) this.#sum = 0
  }
}
