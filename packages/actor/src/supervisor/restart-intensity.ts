/** The restart limit of a supervisor: more than `maxRestarts` restarts within `withinMs` milliseconds end it. */
import { RingDeque } from '../base/ring-deque.ts'

export interface RestartIntensity {
  /** @default 3 */
  readonly maxRestarts: number
  /** Milliseconds of the sliding window, on the monotonic clock. @default 5000 */
  readonly withinMs: number
}

export class RestartWindow {
  readonly #intensity: RestartIntensity
  readonly #restarts = new RingDeque<number>()

  constructor(intensity: RestartIntensity) {
    this.#intensity = intensity
  }

  /** The number of restarts within the window. */
  get size(): number {
    return this.#restarts.length
  }

  /** Counts a restart at `now` (monotonic milliseconds); returns whether it is within the limit. */
  record(now: number): boolean {
    const { maxRestarts, withinMs } = this.#intensity
    this.#restarts.push(now)
    // A restart exactly `withinMs` ago still counts, as in OTP.
    while ((this.#restarts.peek() ?? now) < now - withinMs) this.#restarts.shift()
    return this.#restarts.length <= maxRestarts
  }
}
