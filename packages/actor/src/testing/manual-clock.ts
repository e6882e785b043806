/** A clock that advances only when a test calls `advance`: for tests that do not depend on the speed of a machine. */
import type { Clock, TimerHandle } from '../ports/services.ts'

interface PendingTimer {
  readonly dueAt: number
  readonly callback: () => void
}

export class ManualClock implements Clock {
  readonly #startedAt: number
  #elapsed = 0
  #timers: PendingTimer[] = []

  /** @param startedAt wall time in milliseconds since 1970. Default 2026-01-01. */
  constructor(startedAt = Date.UTC(2026, 0, 1)) {
    this.#startedAt = startedAt
  }

  now(): number {
    return this.#startedAt + this.#elapsed
  }

  monotonic(): number {
    return this.#elapsed
  }

  setTimer(callback: () => void, delayMs: number): TimerHandle {
    const timer = { dueAt: this.#elapsed + Math.max(0, delayMs), callback }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  yieldTo(callback: () => void): void {
    setImmediate(callback)
  }

  /** The number of pending timers. */
  get pendingTimers(): number {
    return this.#timers.length
  }

  /** Milliseconds until the next timer is due; undefined without one. */
  get nextTimerInMs(): number | undefined {
    return this.#next()?.dueAt === undefined ? undefined : (this.#next()?.dueAt ?? 0) - this.#elapsed
  }

  /** Advances by `ms` milliseconds, firing timers in the order they are due; the event loop is flushed before the next one fires. */
  async advance(ms: number): Promise<void> {
    const target = this.#elapsed + ms
    await flushEventLoop()
    for (let next = this.#next(); next !== undefined && next.dueAt <= target; next = this.#next()) {
      this.#elapsed = Math.max(this.#elapsed, next.dueAt)
      const due = next
      this.#timers = this.#timers.filter((timer) => timer !== due)
      due.callback()
      await flushEventLoop()
    }
    this.#elapsed = target
  }

  #next(): PendingTimer | undefined {
    let next: PendingTimer | undefined
    for (const timer of this.#timers) if (next === undefined || timer.dueAt < next.dueAt) next = timer
    return next
  }
}

/** Resolves once promises, actors and the event loop have no work left. */
export async function flushEventLoop(): Promise<void> {
  for (let round = 0; round < 4; round++) await new Promise<void>((resolve) => setImmediate(resolve))
}
