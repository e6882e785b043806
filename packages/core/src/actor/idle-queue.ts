/** Finds the actors that had nothing to do for a while, with one timer for all of them. */
import type { Clock, TimerHandle } from '../ports/ambient.ts'
import { RingDeque } from './ring-deque.ts'

/** Something that can fall idle. */
export interface Idler {
  /** On the monotonic clock. */
  readonly idleSince: number
  /** Called when that is long enough ago; the answer says whether to look again after another while. */
  fallIdle(): boolean
}

export class IdleQueue {
  readonly #clock: Clock
  readonly #afterMs: number
  // Every idler waits equally long, so the first one is due first, or late by less than that wait where it was busy since.
  readonly #waiting = new RingDeque<{ readonly idler: Idler; readonly dueAt: number }>(64)
  #timer: TimerHandle | undefined

  constructor(clock: Clock, afterMs: number) {
    this.#clock = clock
    this.#afterMs = afterMs
  }

  /** Watches an idler that is not watched yet, until it answers false. */
  watch(idler: Idler): void {
    this.#waiting.push({ idler, dueAt: idler.idleSince + this.#afterMs })
    this.#arm()
  }

  #arm(): void {
    const next = this.#waiting.peek()
    if (next === undefined || this.#timer !== undefined) return
    const delayMs = Math.max(0, Math.ceil(next.dueAt - this.#clock.monotonic()))
    this.#timer = this.#clock.setTimer(() => this.#sweep(), delayMs, true)
  }

  #sweep(): void {
    this.#timer = undefined
    const now = this.#clock.monotonic()
    for (let next = this.#waiting.peek(); next !== undefined && next.dueAt <= now; next = this.#waiting.peek()) {
      this.#waiting.shift()
      const { idler } = next
      const dueAt = idler.idleSince + this.#afterMs
      if (dueAt > now) this.#waiting.push({ idler, dueAt })
      else if (idler.fallIdle()) this.#waiting.push({ idler, dueAt: now + this.#afterMs })
    }
    this.#arm()
  }
}
