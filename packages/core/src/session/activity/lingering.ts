/** Sessions that stay listed for a while after their work, so that the next message of a conversation finds them listed. */
import type { Clock, TimerHandle } from '@beamclaw/actor'
import type { SessionKey } from '../../base/ids.ts'

/** Milliseconds that a session stays listed after its work. */
const lingerMs = 5_000

/**
 * Phases: `waiting ⇄ sweeping`, and `stopped` from either. Owns one timer, which is set while `waiting` with sessions.
 *
 * I1: One sweep at a time: the sessions of a sweep that takes long are not swept again beside it.
 */
export class Lingering {
  readonly #clock: Clock
  readonly #sweep: (due: readonly SessionKey[]) => Promise<void>
  // With the time of the end of their work: the oldest first.
  readonly #since = new Map<SessionKey, number>()
  #phase: 'waiting' | 'sweeping' | 'stopped' = 'waiting'
  #timer: TimerHandle | undefined

  /** @param sweep is called with the sessions whose time is over; it removes those that it is through with, and never rejects. */
  constructor(clock: Clock, sweep: (due: readonly SessionKey[]) => Promise<void>) {
    this.#clock = clock
    this.#sweep = sweep
  }

  get size(): number {
    return this.#since.size
  }

  get keys(): readonly SessionKey[] {
    return [...this.#since.keys()]
  }

  has(key: SessionKey): boolean {
    return this.#since.has(key)
  }

  /** Begins the time of a session; of one that is there, anew. */
  add(key: SessionKey): void {
    this.#since.delete(key)
    this.#since.set(key, this.#clock.monotonic())
    this.#sweepSoon()
  }

  delete(key: SessionKey): boolean {
    return this.#since.delete(key)
  }

  stop(): void {
    this.#phase = 'stopped'
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #sweepSoon(): void {
    const [oldest] = this.#since.values()
    if (oldest === undefined || this.#phase !== 'waiting' || this.#timer !== undefined) return
    this.#timer = this.#clock.setTimer(() => void this.#sweepNow(), Math.max(0, oldest + lingerMs - this.#clock.monotonic()), true)
  }

  async #sweepNow(): Promise<void> {
    this.#timer = undefined
    const over = this.#clock.monotonic() - lingerMs
    const due: SessionKey[] = []
    for (const [key, since] of this.#since) {
      if (since > over) break
      due.push(key)
    }
    this.#phase = 'sweeping'
    if (due.length > 0) await this.#sweep(due)
    if ((this.#phase as string) === 'stopped') return
    this.#phase = 'waiting'
    this.#sweepSoon()
  }
}
