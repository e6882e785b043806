/**
 * Finds the actors that had no work for a while, with one timer for all of them.
 *
 * Owns the idlers that are watched, in the order they are looked at, and one timer.
 * I1: The timer is pending exactly while an idler is watched.
 * I2: All idlers wait equally long, so the first is due first. An idler that was busy since is found late, by less than one wait.
 */
import type { Clock, TimerHandle } from '../ports/services.ts'

/** Something that can fall idle. */
export interface Idler {
  /** On the monotonic clock. */
  readonly idleSince: number
  /** Called when that is long enough ago. Returns whether to look again after another while. */
  fallIdle(): boolean
}

export class IdleQueue {
  readonly #clock: Clock
  readonly #afterMs: number
  // When each is due. A map keeps the order of insertion, and an idler that leaves is removed in constant time.
  readonly #dueAt = new Map<Idler, number>()
  #timer: TimerHandle | undefined

  constructor(clock: Clock, afterMs: number) {
    this.#clock = clock
    this.#afterMs = afterMs
  }

  /** Watches an idler that is not watched yet, until its `fallIdle` returns false or it leaves. */
  watch(idler: Idler): void {
    this.#dueAt.set(idler, idler.idleSince + this.#afterMs)
    this.#arm()
  }

  /** Forgets an idler: it has ended. */
  leave(idler: Idler): void {
    this.#dueAt.delete(idler)
    if (this.#dueAt.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    const first = this.#dueAt.entries().next().value
    if (first === undefined || this.#timer !== undefined) return
    const delayMs = Math.max(0, Math.ceil(first[1] - this.#clock.monotonic()))
    this.#timer = this.#clock.setTimer(() => this.#sweep(), delayMs, true)
  }

  #sweep(): void {
    this.#timer = undefined
    const now = this.#clock.monotonic()
    for (const [idler, due] of this.#dueAt) {
      if (due > now) break
      this.#dueAt.delete(idler)
      const dueAt = idler.idleSince + this.#afterMs
      if (dueAt > now) this.#dueAt.set(idler, dueAt)
      else if (idler.fallIdle()) this.#dueAt.set(idler, now + this.#afterMs)
    }
    this.#arm()
  }
}
