/** Which targets are best left alone for a while, and for how long. Pure: the time is a parameter. */

/** How long a target is left alone. */
export interface CooldownOptions {
  /** Milliseconds after the first, second, … failure in a row; the last one repeats. @default [30_000, 60_000, 300_000] */
  readonly stepsMs?: readonly number[]
  /** Longest wait that a service may ask for, in milliseconds. @default 600_000 */
  readonly maxRetryAfterMs?: number
}

/** Defaults for `CooldownOptions`. */
export const cooldownDefaults = {
  stepsMs: [30_000, 60_000, 300_000],
  maxRetryAfterMs: 600_000,
} as const satisfies Required<CooldownOptions>

/** A call that is under way; belongs to `Cooldowns`. */
export interface CooldownTicket {
  readonly key: string
  /** Which failure of the key the call came after. */
  readonly generation: number
}

interface Cooldown {
  failures: number
  dueAt: number
  generation: number
  probe: CooldownTicket | undefined
}

/** Failures by key. A key that has not failed, or not for long, takes no memory. */
export class Cooldowns {
  readonly #stepsMs: readonly number[]
  readonly #maxRetryAfterMs: number
  readonly #cooling = new Map<string, Cooldown>()
  #generation = 0

  constructor(options: CooldownOptions = {}) {
    this.#stepsMs = options.stepsMs ?? cooldownDefaults.stepsMs
    this.#maxRetryAfterMs = options.maxRetryAfterMs ?? cooldownDefaults.maxRetryAfterMs
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#cooling.size
  }

  /** Milliseconds until `key` may be asked; negative while its first call after a cooldown, the probe, is under way; 0 when it may be asked now. */
  waitMs(key: string, now: number): number {
    const cooldown = this.#cooling.get(key)
    if (cooldown === undefined) return 0
    if (cooldown.dueAt > now) return cooldown.dueAt - now
    return cooldown.probe === undefined ? 0 : -1
  }

  /** A call begins; the first one after a cooldown is its probe. */
  begin(key: string, now: number): CooldownTicket {
    this.#forgetOld(now)
    const cooldown = this.#cooling.get(key)
    const ticket = { key, generation: cooldown?.generation ?? 0 }
    if (cooldown !== undefined && cooldown.dueAt <= now) cooldown.probe ??= ticket
    return ticket
  }

  /** The target answers: others may ask it too, though only a whole answer clears its failures. */
  answers(ticket: CooldownTicket, now: number): void {
    const cooldown = this.#current(ticket)
    if (cooldown === undefined) return
    cooldown.probe = undefined
    cooldown.dueAt = Math.min(cooldown.dueAt, now)
  }

  /** The whole answer came. */
  succeeded(ticket: CooldownTicket): void {
    if (this.#current(ticket) !== undefined) this.#cooling.delete(ticket.key)
  }

  /** The target failed; `retryAfterMs` is what it asked for. */
  failed(ticket: CooldownTicket, now: number, retryAfterMs?: number): void {
    const asked = retryAfterMs === undefined ? undefined : Math.min(Math.max(retryAfterMs, 0), this.#maxRetryAfterMs)
    const cooldown = this.#cooling.get(ticket.key)
    if (cooldown !== undefined && cooldown.generation !== ticket.generation) {
      // Calls that began together fail together: that is one failure, not ten.
      if (asked !== undefined) cooldown.dueAt = Math.max(cooldown.dueAt, now + asked)
      return
    }
    const failures = (cooldown?.failures ?? 0) + 1
    const stepMs = this.#stepsMs[Math.min(failures, this.#stepsMs.length) - 1] ?? 0
    this.#cooling.set(ticket.key, { failures, dueAt: now + (asked ?? stepMs), generation: ++this.#generation, probe: undefined })
  }

  /** The call told nothing: its consumer left, or the failure was not the target's. */
  released(ticket: CooldownTicket): void {
    const cooldown = this.#cooling.get(ticket.key)
    if (cooldown?.probe === ticket) cooldown.probe = undefined
  }

  #current(ticket: CooldownTicket): Cooldown | undefined {
    const cooldown = this.#cooling.get(ticket.key)
    return cooldown?.generation === ticket.generation ? cooldown : undefined
  }

  /** A failure of long ago says nothing about today, and model names may come from outside: none stays for good. */
  #forgetOld(now: number): void {
    for (const [key, { dueAt, probe }] of this.#cooling) {
      if (probe === undefined && dueAt + this.#maxRetryAfterMs < now) this.#cooling.delete(key)
    }
  }
}
