/** Keeps calls within what a service allows, by letting them wait their turn. */
import {
  BeamClawError,
  type Clock,
  type ProviderRequest,
  type SystemServices,
  systemServices,
  type TimerHandle,
  type Usage,
} from '@beamclaw/core'
import {
  abortedError,
  aFunction,
  anObject,
  checkOptions,
  duration,
  estimateRequestTokens,
  integer,
  maxTimerMs,
  text,
} from '@beamclaw/core/adapter'
import type { CallEnding, CallWatcher, ModelGuard } from '../../model-guard.ts'
import { OutputMeter } from '../../output-meter.ts'
import { FairQueue } from './fair-queue.ts'
import { MinuteWindow, type Taken } from './minute-window.ts'

/** What a service allows. */
export interface RateLimits {
  /** Calls that may begin in any minute; all of them may begin at once. @default no limit */
  readonly requestsPerMinute?: number
  /** Tokens that may be used in any minute, as `tokensOf` counts them. @default no limit */
  readonly tokensPerMinute?: number
  /** Calls under way at the same time. @default no limit */
  readonly maxConcurrent?: number
}

const limitRules = { requestsPerMinute: integer(1), tokensPerMinute: integer(1), maxConcurrent: integer(1) }

/** The limits of a `RateLimiter`, and how calls wait for them. */
export interface RateLimiterOptions extends RateLimits {
  /** Names the provider in errors. @default 'provider' */
  readonly id?: string
  /** Longest wait for a turn, in milliseconds; 0 never waits. @default 60_000 */
  readonly maxWaitMs?: number
  /** Most calls that wait. @default 1_000 */
  readonly maxQueue?: number
  /** Called for the key of a request: keys take turns while calls wait, so that a busy one does not hold up the others. @default one line for all */
  readonly keyOf?: (request: ProviderRequest) => string | undefined
  /** Tokens that count against the limit. @default uncached input, cache writes and output */
  readonly tokensOf?: (usage: Usage) => number
  /** Tokens a call is expected to use. @default the input by its length, and `maxOutputTokens` or 1_024 */
  readonly estimateTokens?: (request: ProviderRequest) => number
  /** Clock. @default the machine's own */
  readonly services?: Partial<SystemServices>
}

/** Defaults for `RateLimiterOptions`. */
export const rateLimiterDefaults = {
  id: 'provider',
  maxWaitMs: 60_000,
  maxQueue: 1_000,
  keyOf: () => undefined,
  tokensOf: ({ inputTokens, cacheWriteTokens, outputTokens }) => inputTokens + cacheWriteTokens + outputTokens,
  estimateTokens: (request) => estimateRequestTokens(request) + (request.maxOutputTokens ?? 1_024),
} as const satisfies Partial<RateLimiterOptions>

/** What a limiter is doing. */
export interface RateLimiterInspection {
  /** Calls under way. */
  readonly running: number
  /** Calls that wait for their turn. */
  readonly waiting: number
  /** Calls that may begin at once; undefined without a limit. */
  readonly requestsLeft: number | undefined
  /** Tokens that may be used at once, negative after a call that took more than expected; undefined without a limit. */
  readonly tokensLeft: number | undefined
}

interface Waiter {
  readonly tokens: number
  readonly admit: () => void
}

/** What a caller may hope for while only the end of other calls makes room, in milliseconds. */
const slotWaitMs = 1_000

/**
 * Lets calls begin in the order they came, as long as requests and tokens of the last minute and calls under way stay within limits. Tokens are
 * estimated before a call and settled after it. A call that cannot have its turn in time fails with `provider-rate-limit`, `retryAfterMs`
 * and `details.refusedBy`. Aborting or leaving gives up the place at once. Throws `invalid-option`. One limiter before several providers limits
 * them together.
 *
 * @example
 * const limiter = new RateLimiter({ requestsPerMinute: 50, maxConcurrent: 4 })
 * const limited = guarded(provider, [limiter])
 */
export class RateLimiter implements ModelGuard {
  readonly #id: string
  readonly #clock: Clock
  #maxConcurrent = Number.POSITIVE_INFINITY
  readonly #maxWaitMs: number
  readonly #maxQueue: number
  readonly #keyOf: (request: ProviderRequest) => string | undefined
  readonly #tokensOf: (usage: Usage) => number
  readonly #estimateTokens: (request: ProviderRequest) => number
  #requests: MinuteWindow | undefined
  #tokens: MinuteWindow | undefined
  readonly #queue = new FairQueue<Waiter>()
  #running = 0
  #timer: TimerHandle | undefined

  constructor(options: RateLimiterOptions = {}) {
    checkOptions<RateLimiterOptions>('RateLimiter', options, {
      id: text(),
      ...limitRules,
      maxWaitMs: duration(),
      maxQueue: integer(0),
      keyOf: aFunction,
      tokensOf: aFunction,
      estimateTokens: aFunction,
      services: anObject,
    })
    this.#id = options.id ?? rateLimiterDefaults.id
    this.#clock = systemServices(options.services).clock
    this.#maxWaitMs = options.maxWaitMs ?? rateLimiterDefaults.maxWaitMs
    this.#maxQueue = options.maxQueue ?? rateLimiterDefaults.maxQueue
    this.#keyOf = options.keyOf ?? rateLimiterDefaults.keyOf
    this.#tokensOf = options.tokensOf ?? rateLimiterDefaults.tokensOf
    this.#estimateTokens = options.estimateTokens ?? rateLimiterDefaults.estimateTokens
    this.#take(options)
  }

  /** Waits for the call's turn. Rejects with `provider-rate-limit` or `provider-aborted`. */
  async enter(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): Promise<CallWatcher> {
    if (signal.aborted) throw abortedError(signal)
    const taken = await this.#turn(amount(this.#estimateTokens(request)), this.#keyOf(request) ?? '', signal)
    const output = new OutputMeter()
    return {
      onPart: (part) => output.add(part),
      onEnd: (ending) => {
        this.#running--
        try {
          if (taken !== undefined) this.#tokens?.settle(taken, this.#used(ending, request, output), this.#clock.monotonic())
        } finally {
          this.#admit()
        }
      },
    }
  }

  /** Replaces the limits; one that is left out is none. Who waits, and what a minute has used, stays. Throws `invalid-option`. */
  setLimits(limits: RateLimits): void {
    checkOptions<RateLimits>('RateLimiter.setLimits', limits, limitRules)
    this.#take(limits)
    this.#admit()
  }

  /** Calls under way, calls waiting, and what is left of the limits. */
  inspect(): RateLimiterInspection {
    const now = this.#clock.monotonic()
    return {
      running: this.#running,
      waiting: this.#queue.size,
      requestsLeft: this.#requests === undefined ? undefined : Math.floor(this.#requests.level(now)),
      tokensLeft: this.#tokens === undefined ? undefined : Math.floor(this.#tokens.level(now)),
    }
  }

  /** A call that broke off has used what was sent and what was seen; one that failed before it said anything has used nothing. */
  #used(ending: CallEnding, request: ProviderRequest, output: OutputMeter): number {
    if (ending.type === 'failed' && !output.hasOutput) return 0
    return amount(this.#tokensOf(ending.type === 'finished' ? ending.usage : output.usage(estimateRequestTokens(request))))
  }

  #take({ requestsPerMinute, tokensPerMinute, maxConcurrent }: RateLimits): void {
    this.#maxConcurrent = maxConcurrent ?? Number.POSITIVE_INFINITY
    this.#requests = windowWith(this.#requests, requestsPerMinute)
    this.#tokens = windowWith(this.#tokens, tokensPerMinute)
  }

  /** Resolves when the call may begin, with the tokens it took; it counts as begun from then on. */
  #turn(tokens: number, key: string, signal: AbortSignal): Promise<Taken | undefined> {
    if (this.#queue.size === 0 && this.#hasSlot && this.#windowWaitMs([tokens]) === 0) return Promise.resolve(this.#begin(tokens))
    // No use in waiting for what cannot come in time; another provider may be asked instead.
    const before = this.#queue.before(key).map((waiter) => waiter.tokens)
    const comesTooLate = this.#maxWaitMs === 0 || this.#windowWaitMs([...before, tokens]) > this.#maxWaitMs
    if (comesTooLate || this.#queue.size >= this.#maxQueue) return Promise.reject(this.#refusal([...before, tokens]))
    return new Promise((resolve, reject) => {
      const leave = (error: BeamClawError): void => {
        done()
        this.#queue.remove(key, waiter)
        reject(error)
        this.#admit()
      }
      const onAbort = (): void => leave(abortedError(signal))
      let isWaiting = true
      const timeUp = (): void => {
        // The turn may come at this very moment.
        this.#admit()
        if (isWaiting) leave(this.#refusal([tokens]))
      }
      const timer = this.#clock.setTimer(timeUp, this.#maxWaitMs)
      const done = (): void => {
        isWaiting = false
        timer.cancel()
        signal.removeEventListener('abort', onAbort)
      }
      const waiter: Waiter = {
        tokens,
        admit: () => {
          done()
          resolve(this.#begin(tokens))
        },
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#queue.push(key, waiter)
      this.#admit()
    })
  }

  #begin(tokens: number): Taken | undefined {
    const now = this.#clock.monotonic()
    this.#running++
    this.#requests?.take(1, now)
    return this.#tokens?.take(tokens, now)
  }

  /** Lets begin who may, and comes back when the next one may. */
  #admit(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      // Only the end of a call makes room, and that comes here by itself.
      if (!this.#hasSlot) return
      const waitMs = this.#windowWaitMs([next.tokens])
      if (waitMs > 0) {
        this.#timer = this.#clock.setTimer(() => this.#admit(), Math.min(waitMs, maxTimerMs))
        return
      }
      this.#queue.shift()
      next.admit()
    }
  }

  get #hasSlot(): boolean {
    return this.#running < this.#maxConcurrent
  }

  /** Milliseconds until the last of these calls may begin after the others, as far as requests and tokens go. */
  #windowWaitMs(tokens: readonly number[]): number {
    const now = this.#clock.monotonic()
    const ones = tokens.map(() => 1)
    return Math.max(this.#requests?.waitMs(ones, now) ?? 0, this.#tokens?.waitMs(tokens, now) ?? 0)
  }

  /** `tokens`: of those who go before, then of the call itself. */
  #refusal(tokens: readonly number[]): BeamClawError {
    const expectedMs = this.#windowWaitMs(tokens)
    return new BeamClawError('provider-rate-limit', `No room for a call to "${this.#id}" within ${this.#maxWaitMs} ms`, {
      retryAfterMs: expectedMs === 0 ? slotWaitMs : expectedMs,
      details: { refusedBy: 'rate-limiter', provider: this.#id, waiting: this.#queue.size, running: this.#running },
    })
  }
}

/** The window for a limit: the one there is, with another limit, else an empty one. */
function windowWith(window: MinuteWindow | undefined, limit: number | undefined): MinuteWindow | undefined {
  if (limit === undefined) return undefined
  window?.setLimit(limit)
  return window ?? new MinuteWindow(limit)
}

/** What a host's function answered, made safe for sums. */
function amount(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0
}
