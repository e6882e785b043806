/** Which targets are skipped after failures, and for how long. Pure: the time is a parameter. */

/** How long a target is skipped after a failure. */
export interface CooldownOptions {
  /** Milliseconds after the first, second, … failure in a row; the last one repeats. @default [30_000, 60_000, 300_000] */
  readonly stepsMs?: readonly number[]
  /** Upper bound for the wait that a service asks for, in milliseconds. @default 600_000 */
  readonly maxRetryAfterMs?: number
}

/** Defaults for `CooldownOptions`. */
export const cooldownDefaults = {
  stepsMs: [30_000, 60_000, 300_000],
  maxRetryAfterMs: 600_000,
} as const satisfies Required<CooldownOptions>

/** A call under way; belongs to `Cooldowns`. */
export interface CooldownTicket {
  readonly key: string
  /** The key's failure count when the call began. */
  readonly generation: number
}

interface Cooldown {
  failures: number
  dueAt: number
  generation: number
  probe: CooldownTicket | undefined
}

/**
 * Failures by key. A key without recent failures takes no memory.
 *
 * - I1: of the calls after a cooldown, one at a time is the probe.
 * - I2: calls that began before the same failure count as one failure together.
 * - I3: only a finished answer clears the failures of a key.
 */
export class Cooldowns {
  readonly #stepsMs: readonly number[]
  readonly #maxRetryAfterMs: number
  readonly #cooling = new Map<string, Cooldown>()
  #generation = 0

  constructor(options: CooldownOptions = {}) {
    this.#stepsMs = options.stepsMs ?? cooldownDefaults.stepsMs
    this.#maxRetryAfterMs = options.maxRetryAfterMs ?? cooldownDefaults.maxRetryAfterMs
  }

  /** Number of keys in memory. */
  get size(): number {
    return this.#cooling.size
  }

  /** Returns the milliseconds until `key` may be asked: 0 when it may be now, negative while its probe is under way. */
  waitMs(key: string, now: number): number {
    const cooldown = this.#cooling.get(key)
    if (cooldown === undefined) return 0
    if (cooldown.dueAt > now) return cooldown.dueAt - now
    return cooldown.probe === undefined ? 0 : -1
  }

  /** Called when a call begins; the first one after a cooldown is the probe. */
  begin(key: string, now: number): CooldownTicket {
    this.#forgetOld(now)
    const cooldown = this.#cooling.get(key)
    const ticket = { key, generation: cooldown?.generation ?? 0 }
    if (cooldown !== undefined && cooldown.dueAt <= now) cooldown.probe ??= ticket
    return ticket
  }

  /** Called with the first part of an answer: other calls may ask the target too, but its failures stay counted until an answer is complete. */
  answers(ticket: CooldownTicket, now: number): void {
    const cooldown = this.#current(ticket)
    if (cooldown === undefined) return
    cooldown.probe = undefined
    cooldown.dueAt = Math.min(cooldown.dueAt, now)
  }

  /** Called when an answer is complete. */
  succeeded(ticket: CooldownTicket): void {
    if (this.#current(ticket) !== undefined) this.#cooling.delete(ticket.key)
  }

  /** Called when the target failed; `retryAfterMs` is the wait that it asked for. */
  failed(ticket: CooldownTicket, now: number, retryAfterMs?: number): void {
    const asked = retryAfterMs === undefined ? undefined : Math.min(Math.max(retryAfterMs, 0), this.#maxRetryAfterMs)
    const cooldown = this.#cooling.get(ticket.key)
    if (cooldown !== undefined && cooldown.generation !== ticket.generation) {
      // Calls that began together fail together, which counts as one failure.
      if (asked !== undefined) cooldown.dueAt = Math.max(cooldown.dueAt, now + asked)
      return
    }
    const failures = (cooldown?.failures ?? 0) + 1
    const stepMs = this.#stepsMs[Math.min(failures, this.#stepsMs.length) - 1] ?? 0
    this.#cooling.set(ticket.key, { failures, dueAt: now + (asked ?? stepMs), generation: ++this.#generation, probe: undefined })
  }

  /** Called when a call is no evidence: its consumer left, or the failure was not the target's. */
  released(ticket: CooldownTicket): void {
    const cooldown = this.#cooling.get(ticket.key)
    if (cooldown?.probe === ticket) cooldown.probe = undefined
  }

  #current(ticket: CooldownTicket): Cooldown | undefined {
    const cooldown = this.#cooling.get(ticket.key)
    return cooldown?.generation === ticket.generation ? cooldown : undefined
  }

  /** Old failures say nothing about today, and model names may come from untrusted input: none stays in memory forever. */
  #forgetOld(now: number): void {
    for (const [key, { dueAt, probe }] of this.#cooling) {
      if (probe === undefined && dueAt + this.#maxRetryAfterMs < now) this.#cooling.delete(key)
    }
  }
}
