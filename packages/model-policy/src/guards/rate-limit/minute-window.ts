/** A sliding window of one minute: no stretch of 60 s holds more than the limit. Pure: the time is a parameter. */

const minuteMs = 60_000

// Tolerance for rounding errors in sums of fractions.
const hair = 1e-6

/** The amount that one call took, and when. */
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

  /** Changes the limit; the entries of the last minute stay. */
  setLimit(limit: number): void {
    this.#limit = limit
  }

  /** Returns the amount available at `now`; negative when more than the limit was taken. */
  level(now: number): number {
    this.#forget(now)
    return this.#limit - this.#sum
  }

  /**
   * Returns the milliseconds, rounded up, until the last of `amounts` may be taken when each earlier one is taken as soon as possible. An amount
   * beyond the limit may be taken when the window is empty.
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

  /** Takes `amount`, even if it is not available. */
  take(amount: number, now: number): Taken {
    const taken = { at: now, amount }
    this.#entries.push(taken)
    this.#sum += amount
    return taken
  }

  /** Corrects a taken amount to the amount used: a smaller one counts at its original time, the excess of a larger one from `now` on. */
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
    // Rounding errors must not add up over the life of a process.
    if (this.#entries.length === 0) this.#sum = 0
  }
}
