/** Time that a simulation moves by hand, shared by processes that start and end; it tracks the pending timers of each. */
import type { Clock } from '@beamclaw/core'

interface PendingTimer {
  readonly owner: string
  readonly dueAt: number
  readonly callback: () => void
}

export class VirtualClock {
  readonly #startedAt = Date.UTC(2026, 0, 1)
  #elapsed = 0
  #wallOffset = 0
  readonly #timers = new Set<PendingTimer>()
  readonly #frozen = new Set<string>()

  get elapsed(): number {
    return this.#elapsed
  }

  /** A clock whose timers count as its owner's. Like those of Node, they know whole milliseconds only. */
  clockOf(owner: string): Clock {
    return {
      now: () => this.#startedAt + this.#wallOffset + this.#elapsed,
      monotonic: () => this.#elapsed,
      setTimer: (callback, delayMs) => {
        const timer = { owner, dueAt: this.#elapsed + Math.max(0, Math.trunc(delayMs)), callback }
        this.#timers.add(timer)
        return { cancel: () => void this.#timers.delete(timer) }
      },
      yieldTo: (callback) => void setImmediate(callback),
    }
  }

  /** Timers of one owner, or of all, that have not fired. */
  pendingTimers(owner?: string): number {
    return [...this.#timers].filter((timer) => owner === undefined || timer.owner === owner).length
  }

  /** Holds the timers of an owner back, as those of a process that stands still. Idempotent. */
  freeze(owner: string): void {
    this.#frozen.add(owner)
  }

  /** Lets the timers of an owner fire again; those that were due meanwhile fire first, in their order. Idempotent. */
  thaw(owner: string): void {
    this.#frozen.delete(owner)
  }

  /** Advances time without firing timers, as blocking code does. */
  block(ms: number): void {
    this.#elapsed += ms
  }

  /** Milliseconds until the next timer is due; undefined without one. */
  get nextTimerInMs(): number | undefined {
    const next = this.#next()
    return next === undefined ? undefined : Math.max(0, next.dueAt - this.#elapsed)
  }

  /** Sets the wall clock forward or back; what is measured in milliseconds goes on as before. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms
  }

  /** Moves on by `ms`, firing timers in the order they are due; what they cause is done before the next one fires. */
  async advance(ms: number): Promise<void> {
    const target = this.#elapsed + ms
    await breathe()
    for (let next = this.#next(); next !== undefined && next.dueAt <= target; next = this.#next()) {
      this.#elapsed = Math.max(this.#elapsed, next.dueAt)
      this.#timers.delete(next)
      next.callback()
      await breathe()
    }
    this.#elapsed = Math.max(this.#elapsed, target)
  }

  #next(): PendingTimer | undefined {
    let next: PendingTimer | undefined
    for (const timer of this.#timers) {
      if (this.#frozen.has(timer.owner)) continue
      if (next === undefined || timer.dueAt < next.dueAt) next = timer
    }
    return next
  }
}

/** Runs everything that does not wait for a timer. */
export async function breathe(rounds = 4): Promise<void> {
  for (let round = 0; round < rounds; round++) await new Promise<void>((resolve) => setImmediate(resolve))
}
