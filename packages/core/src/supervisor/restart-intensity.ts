/** How often children may be restarted before their supervisor gives up: more than `maxRestarts` within `withinMs` is too often. */
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

  /** Restarts that still count. */
  get size(): number {
    return this.#restarts.length
  }

  /** Counts a restart at `now` (monotonic milliseconds, never going back); answers whether that is still allowed. */
  record(now: number): boolean {
    const { maxRestarts, withinMs } = this.#intensity
    this.#restarts.push(now)
    // A restart exactly `withinMs` ago still counts, as in OTP.
    while ((this.#restarts.peek() ?? now) < now - withinMs) this.#restarts.shift()
    return this.#restarts.length <= maxRestarts
  }
}
