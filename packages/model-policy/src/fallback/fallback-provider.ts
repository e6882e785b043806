/** A provider that asks several models in order until one answers. */
import {
  BeamClawError,
  type Clock,
  type Logger,
  type ModelInfo,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
  type SystemServices,
  systemServices,
} from '@beamclaw/core'
import {
  abortedError,
  aFunction,
  anArray,
  anObject,
  checkOptions,
  describeValue,
  duration,
  integer,
  type ProviderStream,
  providerStream,
  text,
} from '@beamclaw/core/adapter'
import { defaultFailurePolicy, type FailurePolicyResolver, type ProviderErrorCode } from '../error-policy.ts'
import { passGuards } from '../guarded.ts'
import type { CallEnding, ModelGuard } from '../model-guard.ts'
import { notify } from '../notify.ts'
import { aProvider } from '../option-rules.ts'
import { type CooldownOptions, Cooldowns, cooldownDefaults } from './cooldown.ts'

/** One model of one service that a `FallbackProvider` may ask. */
export interface FallbackTarget {
  /** Names the service in errors, events and cooldowns. Targets with equal id and model are the same target. */
  readonly id: string
  readonly provider: Provider
  /** Model to ask. @default the model of the request */
  readonly model?: string
  /** Tokens that fit in one request. A target without it is skipped once a request was too long for another. @default unknown */
  readonly contextWindow?: number
}

/** One target that failed, as `details.tried` lists it. */
export interface TriedTarget {
  readonly target: string
  readonly model: string
  readonly code: ProviderErrorCode
  readonly retryAfterMs?: number
}

/** Passed to `onFallback`: a target failed before its first output, and `next` is asked instead. */
export interface FallbackEvent {
  readonly failed: TriedTarget
  readonly next: { readonly target: string; readonly model: string }
}

/** The targets of a `FallbackProvider`, and the consequences of their failures. */
export interface FallbackProviderOptions {
  /** Targets in order of preference; at least one. */
  readonly targets: readonly FallbackTarget[]
  /** How long a target is skipped after a failure. @default cooldownDefaults */
  readonly cooldown?: CooldownOptions
  /** The consequences of a failure. @default defaultFailurePolicy */
  readonly policy?: FailurePolicyResolver
  /** Called when the next target is asked. @default no callback */
  readonly onFallback?: (event: FallbackEvent) => void
  /** Clock and logger. @default those of the machine */
  readonly services?: Partial<SystemServices>
}

/** Defaults for `FallbackProviderOptions`. */
export const fallbackDefaults = {
  cooldown: cooldownDefaults,
  policy: defaultFailurePolicy,
} as const satisfies Partial<FallbackProviderOptions>

/** The state of a target: `cooling` for `waitMs` more, or `probing` while the first call after a cooldown is under way. */
export interface TargetState {
  readonly target: string
  readonly model: string
  readonly status: 'available' | 'cooling' | 'probing'
  /** Milliseconds until the target is asked again; 0 unless it is cooling. */
  readonly waitMs: number
}

/**
 * Asks its targets in order until one answers. A failed target is skipped at once, without waiting, and cools down for a while. The last failure is
 * thrown, with every failed target in `details.tried`. Constructor throws `invalid-option`.
 *
 * - I1: one call asks each target at most once, and at least one target: when all cool down, the one that is due first.
 * - I2: after the first output of a target no other target is asked; its failure is thrown.
 * - I3: the cooldowns are shared by all calls; everything else belongs to one call.
 *
 * @example
 * const provider = new FallbackProvider({
 *   targets: [{ id: 'cloud', provider: cloud }, { id: 'home', provider: local, model: 'small' }],
 *   onFallback: ({ failed, next }) => console.warn(failed.code, 'asking', next.target),
 * })
 */
export class FallbackProvider implements Provider {
  readonly #targets: readonly FallbackTarget[]
  readonly #cooldowns: Cooldowns
  readonly #policy: FailurePolicyResolver
  readonly #onFallback: ((event: FallbackEvent) => void) | undefined
  readonly #clock: Clock
  readonly #logger: Logger

  constructor(options: FallbackProviderOptions) {
    checkOptions<FallbackProviderOptions>(
      'FallbackProvider',
      options,
      { targets: anArray, cooldown: anObject, policy: aFunction, onFallback: aFunction, services: anObject },
      ['targets'],
    )
    checkTargets(options.targets)
    const { cooldown = fallbackDefaults.cooldown, policy = fallbackDefaults.policy } = options
    checkOptions<CooldownOptions>('FallbackProvider cooldown', cooldown, { stepsMs: someDurations, maxRetryAfterMs: duration() })
    const { clock, logger } = systemServices(options.services)
    this.#targets = [...options.targets]
    this.#cooldowns = new Cooldowns(cooldown)
    this.#policy = policy
    this.#onFallback = options.onFallback
    this.#clock = clock
    this.#logger = logger
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): ProviderStream {
    return providerStream((callSignal) => this.#walk(request, callSignal), signal)
  }

  /** Resolves with the models of the first target that passes names through and can list them; otherwise with the models that targets name. */
  async listModels(options: { readonly signal: AbortSignal }): Promise<readonly ModelInfo[]> {
    const open = this.#targets.find(({ model, provider }) => model === undefined && provider.listModels !== undefined)
    if (open?.provider.listModels !== undefined) return open.provider.listModels(options)
    const models = new Map<string, ModelInfo>()
    for (const { model, contextWindow } of this.#targets) {
      if (model === undefined || models.has(model)) continue
      models.set(model, { id: model, ...(contextWindow === undefined ? {} : { contextWindow }) })
    }
    return [...models.values()]
  }

  /** Returns what is known of the model of the first target, which is the one that answers as a rule. */
  modelFacts(requested: string): Omit<ModelInfo, 'id'> {
    const { provider, model = requested, contextWindow } = this.#targets[0] ?? {}
    return { ...provider?.modelFacts?.(model), ...(contextWindow === undefined ? {} : { contextWindow }) }
  }

  /** Returns the state of each target for a requested model. */
  inspect(model: string): readonly TargetState[] {
    const now = this.#clock.monotonic()
    return this.#targets.map((target) => {
      const waitMs = this.#cooldowns.waitMs(keyOf(target, model), now)
      const status = waitMs === 0 ? 'available' : waitMs < 0 ? 'probing' : 'cooling'
      return { target: target.id, model: target.model ?? model, status, waitMs: Math.max(0, waitMs) }
    })
  }

  async *#walk(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<ProviderPart, void, undefined> {
    const walk = new Walk(this.#targets, request.model, this.#cooldowns)
    let target = walk.next(this.#clock.monotonic())
    while (target !== undefined) {
      if (signal.aborted) throw abortedError(signal)
      const model = target.model ?? request.model
      const key = keyOf(target, request.model)
      let hasOutput = false
      let ending: CallEnding | undefined
      const watch: ModelGuard = {
        enter: () => {
          const ticket = this.#cooldowns.begin(key, this.#clock.monotonic())
          return {
            onPart: ({ type }) => {
              if (hasOutput || type === 'finish') return
              hasOutput = true
              this.#cooldowns.answers(ticket, this.#clock.monotonic())
            },
            onEnd: (how) => {
              ending = how
              if (how.type === 'finished') this.#cooldowns.succeeded(ticket)
              else if (how.type === 'failed' && this.#policy(how.error).cooldown)
                this.#cooldowns.failed(ticket, this.#clock.monotonic(), how.error.retryAfterMs)
              else this.#cooldowns.released(ticket)
            },
          }
        },
      }
      try {
        yield* passGuards(target.provider, [watch], { ...request, model }, signal)
        return
      } catch (thrown) {
        if (ending?.type !== 'failed') throw thrown
        const { error } = ending
        const { tryNext } = this.#policy(error)
        const failed = walk.failed(target, error)
        if (tryNext === 'larger-context') walk.needsMoreThan(target.contextWindow ?? 0)
        target = hasOutput || tryNext === 'none' ? undefined : walk.next(this.#clock.monotonic())
        if (target === undefined) throw walk.failure(error)
        const next = { target: target.id, model: target.model ?? request.model }
        notify(this.#logger, 'onFallback', this.#onFallback, { failed, next })
      }
    }
  }
}

/** One call's way through the targets; owned by that call. */
class Walk {
  readonly #left: Set<FallbackTarget>
  readonly #model: string
  readonly #cooldowns: Cooldowns
  readonly #tried: TriedTarget[] = []
  #isRetryable = false
  #minimumWindow = -1
  #mayDisturb = true

  constructor(targets: readonly FallbackTarget[], model: string, cooldowns: Cooldowns) {
    this.#left = new Set(targets)
    this.#model = model
    this.#cooldowns = cooldowns
  }

  /** Returns the next target: the first that is available; else, once, the one that is due first; else undefined. */
  next(now: number): FallbackTarget | undefined {
    let soonest: FallbackTarget | undefined
    let soonestMs = Number.POSITIVE_INFINITY
    for (const target of this.#left) {
      if (this.#minimumWindow >= 0 && (target.contextWindow ?? 0) <= this.#minimumWindow) continue
      const waitMs = this.#cooldowns.waitMs(keyOf(target, this.#model), now)
      if (waitMs === 0) return this.#take(target)
      if (waitMs < soonestMs) {
        soonest = target
        soonestMs = waitMs
      }
    }
    if (soonest === undefined || !this.#mayDisturb) return undefined
    this.#mayDisturb = false
    return this.#take(soonest)
  }

  /** Restricts the rest of the call to targets with a larger context window. */
  needsMoreThan(contextWindow: number): void {
    this.#minimumWindow = Math.max(this.#minimumWindow, contextWindow)
  }

  failed({ id, model = this.#model }: FallbackTarget, { code, isRetryable, retryAfterMs }: BeamClawError): TriedTarget {
    this.#isRetryable ||= isRetryable
    const tried = { target: id, model, code: code as ProviderErrorCode, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
    this.#tried.push(tried)
    return tried
  }

  /** Returns the last failure with all targets tried; retryable as soon as one of their failures is. */
  failure(last: BeamClawError): BeamClawError {
    const message = this.#tried.length === 1 ? last.message : `${this.#tried.length} models failed, the last with: ${last.message}`
    const waits = this.#tried.flatMap(({ retryAfterMs }) => retryAfterMs ?? [])
    return new BeamClawError(last, message, {
      cause: last,
      isRetryable: this.#isRetryable,
      ...(waits.length === 0 ? {} : { retryAfterMs: Math.min(...waits) }),
      details: { ...last.details, tried: this.#tried },
    })
  }

  #take(target: FallbackTarget): FallbackTarget {
    this.#left.delete(target)
    return target
  }
}

/** Returns the cooldown key. Limits are often per model, so a target that passes names through cools down for the failed model only. */
function keyOf({ id, model }: FallbackTarget, asked: string): string {
  return JSON.stringify([id, model ?? asked])
}

const someDurations = (value: unknown): string | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((item) => duration()(item) === undefined)
    ? undefined
    : 'a list of at least one duration in whole milliseconds'

function checkTargets(targets: readonly FallbackTarget[]): void {
  if (targets.length === 0) {
    throw new BeamClawError('invalid-option', 'FallbackProvider: option "targets" must be an array of at least 1, received an array of 0')
  }
  const seen = new Set<string>()
  for (const [index, target] of targets.entries()) {
    const owner = `FallbackProvider targets[${index}]`
    checkOptions<FallbackTarget>(owner, target, { id: text(), provider: aProvider, model: text(), contextWindow: integer(1) }, [
      'id',
      'provider',
    ])
    const key = JSON.stringify([target.id, target.model])
    if (seen.has(key)) {
      const received = `${describeValue(target.id)} that another target with the same model has`
      throw new BeamClawError('invalid-option', `${owner}: option "id" must be unique for its model, received ${received}`)
    }
    seen.add(key)
  }
}
