/** Stops calls to a service that keeps failing, so that it can recover and callers fail fast. */
import { BeamClawError, type Clock, type Logger, type ProviderRequest, type SystemServices, systemServices } from '@beamclaw/core'
import { aFunction, anObject, checkOptions, duration, integer, text } from '@beamclaw/core/adapter'
import { defaultFailurePolicy, type FailurePolicyResolver } from '../../error-policy.ts'
import type { CallWatcher, ModelGuard } from '../../model-guard.ts'
import { notify } from '../../notify.ts'
import { Circuit, type CircuitState } from './circuit.ts'

/** Passed to `onStateChange`: the circuit of one model changed its state. */
export interface CircuitChange {
  readonly provider: string
  readonly model: string
  readonly from: CircuitState
  readonly to: CircuitState
}

/** When the circuits of a `CircuitBreaker` open, and for how long. */
export interface CircuitBreakerOptions {
  /** Names the provider in errors and events. @default 'provider' */
  readonly id?: string
  /** Failures within `withinMs` that open a circuit. @default 5 */
  readonly failureThreshold?: number
  /** Milliseconds of the sliding window. @default 30_000 */
  readonly withinMs?: number
  /** Milliseconds that an open circuit stays open before one call may probe it. @default 30_000 */
  readonly openMs?: number
  /** Decides which failures count. @default defaultFailurePolicy */
  readonly policy?: FailurePolicyResolver
  /** Called when a circuit opens, half-opens for its probe, or closes. @default no callback */
  readonly onStateChange?: (change: CircuitChange) => void
  /** Clock and logger. @default those of the machine */
  readonly services?: Partial<SystemServices>
}

/** Defaults for `CircuitBreakerOptions`. */
export const circuitBreakerDefaults = {
  id: 'provider',
  failureThreshold: 5,
  withinMs: 30_000,
  openMs: 30_000,
  policy: defaultFailurePolicy,
} as const satisfies Partial<CircuitBreakerOptions>

/** `retryAfterMs` of a call that is refused while a probe is under way, in milliseconds. */
const probeWaitMs = 1_000

/** The circuit of one model. */
export interface CircuitInspection {
  readonly state: CircuitState
  /** Failures within the window. */
  readonly failures: number
}

interface Entry {
  readonly circuit: Circuit
  running: number
}

/**
 * Admits calls while a model's service is healthy; each model has a circuit of its own. Failures that are evidence about the service count, also
 * those in the middle of an answer; never the caller's own mistakes, rate limits, or abandoned calls. A call to an open circuit throws
 * `provider-overloaded` with `retryAfterMs` and `details.refusedBy`. Constructor throws `invalid-option`.
 *
 * Each circuit goes `closed → open → halfOpen → closed | open` (`circuit.ts`).
 *
 * - I1: every admitted call reports to the circuit that admitted it, exactly once at its end.
 * - I2: while a circuit is half open one call at a time is its probe; the probe's first part closes it.
 * - I3: an idle circuit in its first state is forgotten, so untrusted model names cannot fill the memory.
 *
 * @example
 * const breaker = new CircuitBreaker({ failureThreshold: 3 })
 * const provider = guarded(service, [breaker])
 * breaker.inspect('large').state // 'closed'
 */
export class CircuitBreaker implements ModelGuard {
  readonly #options: Required<Pick<CircuitBreakerOptions, keyof typeof circuitBreakerDefaults>>
  readonly #onStateChange: ((change: CircuitChange) => void) | undefined
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #entries = new Map<string, Entry>()

  constructor(options: CircuitBreakerOptions = {}) {
    checkOptions<CircuitBreakerOptions>('CircuitBreaker', options, {
      id: text(),
      failureThreshold: integer(1, 10_000),
      withinMs: duration(1),
      openMs: duration(1),
      policy: aFunction,
      onStateChange: aFunction,
      services: anObject,
    })
    const { onStateChange, services, ...rest } = options
    const { clock, logger } = systemServices(services)
    this.#options = { ...circuitBreakerDefaults, ...withoutUndefined(rest) }
    this.#onStateChange = onStateChange
    this.#clock = clock
    this.#logger = logger
  }

  /** Returns a watcher, or throws `provider-overloaded`. */
  enter({ model }: ProviderRequest): CallWatcher {
    const entry = this.#entry(model)
    const { circuit } = entry
    const now = this.#clock.monotonic()
    const ticket = circuit.admit(now)
    if (ticket === undefined) throw this.#refusal(model, circuit.waitMs(now))
    entry.running++
    return {
      onPart: () => circuit.answers(ticket),
      onEnd: (ending) => {
        entry.running--
        if (ending.type === 'finished') circuit.answers(ticket)
        else if (ending.type === 'failed') this.#failed(circuit, ticket, ending.error)
        else circuit.released(ticket)
        this.#forget(model, entry)
      },
    }
  }

  /** Returns the circuit of a model as a call would find it now. */
  inspect(model: string): CircuitInspection {
    const now = this.#clock.monotonic()
    const circuit = this.#entries.get(model)?.circuit
    return circuit === undefined ? { state: 'closed', failures: 0 } : { state: circuit.state(now), failures: circuit.failures(now) }
  }

  /** Names of the models with a circuit in memory: those that have calls under way, failed lately, or are not closed. */
  get models(): readonly string[] {
    return [...this.#entries.keys()]
  }

  #failed(circuit: Circuit, ticket: { readonly generation: number }, error: BeamClawError): void {
    if (this.#options.policy(error).countsAgainstBreaker) circuit.failed(ticket, this.#clock.monotonic())
    else if (error.details.refusedBy !== undefined) circuit.released(ticket)
    // A service that rejects a call is up.
    else circuit.answers(ticket)
  }

  #entry(model: string): Entry {
    const known = this.#entries.get(model)
    if (known !== undefined) return known
    for (const [name, entry] of this.#entries) this.#forget(name, entry)
    const { id } = this.#options
    const circuit = new Circuit(this.#options, (from, to) =>
      notify(this.#logger, 'onStateChange', this.#onStateChange, { provider: id, model, from, to }),
    )
    const entry = { circuit, running: 0 }
    this.#entries.set(model, entry)
    return entry
  }

  /** Removes an idle circuit: model names may come from untrusted input. */
  #forget(model: string, entry: Entry): void {
    if (entry.running === 0 && entry.circuit.isIdle(this.#clock.monotonic())) this.#entries.delete(model)
  }

  #refusal(model: string, waitMs: number | undefined): BeamClawError {
    const { id } = this.#options
    const why = waitMs === undefined ? 'is being probed after failures' : 'failed too often and is paused'
    return new BeamClawError('provider-overloaded', `The model "${model.slice(0, 128)}" of "${id}" ${why}`, {
      retryAfterMs: waitMs ?? probeWaitMs,
      details: { refusedBy: 'circuit-breaker', provider: id, model: model.slice(0, 128) },
    })
  }
}

function withoutUndefined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}
