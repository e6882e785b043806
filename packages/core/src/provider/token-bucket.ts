/** An amount that refills evenly: what lies in it may be taken at once. Pure: the time is a parameter. */

const minuteMs = 60_000

/** So much per minute; times are monotonic milliseconds and never go back. */
export class TokenBucket {
  #perMinute: number
  #level: number
  #at: number

  /** Starts full, with what refills in a minute. */
  constructor(perMinute: number, now: number) {
    this.#perMinute = perMinute
    this.#level = perMinute
    this.#at = now
  }

  /** From `now` on refills, and holds, another amount per minute. What lies in it stays, as far as it fits. */
  setRate(perMinute: number, now: number): void {
    const level = this.level(now)
    this.#perMinute = perMinute
    this.#level = Math.min(perMinute, level)
  }

  /** What lies in it at `now` (monotonic milliseconds); negative when more was taken than there was. */
  level(now: number): number {
    this.#level = Math.min(this.#perMinute, this.#level + ((now - this.#at) * this.#perMinute) / minuteMs)
    this.#at = now
    return this.#level
  }

  /** Whole milliseconds until `amount` may be taken. More than it can hold may be taken when it is full. */
  waitMs(amount: number, now: number): number {
    return this.refillMs(Math.min(amount, this.#perMinute), now)
  }

  /** Whole milliseconds until as much as `amount` has come in, be it more than it can hold. */
  refillMs(amount: number, now: number): number {
    const missing = amount - this.level(now)
    // Sums of fractions may fall short by a hair of what they stand for.
    return missing <= 1e-6 ? 0 : Math.ceil((missing * minuteMs) / this.#perMinute)
  }

  /** Takes `amount`, whether or not it is there; a negative amount is put back. */
  take(amount: number, now: number): void {
    this.#level = Math.min(this.#perMinute, this.level(now) - amount)
  }
}
