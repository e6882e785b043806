/** Keeps calls within the limits of a service by queueing them. */
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

/** The limits of a service. */
export interface RateLimits {
  /** Calls that may begin in any 60 s, even all at once. @default no limit */
  readonly requestsPerMinute?: number
  /** Tokens that may be used in any 60 s, as `tokensOf` counts them. @default no limit */
  readonly tokensPerMinute?: number
  /** Calls under way at the same time. @default no limit */
  readonly maxConcurrent?: number
}

const limitRules = { requestsPerMinute: integer(1), tokensPerMinute: integer(1), maxConcurrent: integer(1) }

/** The limits of a `RateLimiter`, and how calls wait for them. */
export interface RateLimiterOptions extends RateLimits {
  /** Names the provider in errors. @default 'provider' */
  readonly id?: string
  /** Longest wait in the queue, in milliseconds; 0 never waits. @default 60_000 */
  readonly maxWaitMs?: number
  /** Maximum number of waiting calls. @default 1_000 */
  readonly maxQueue?: number
  /** Called with a request; returns its key. Waiting calls are served round robin over the keys, so that one busy key cannot starve the others. @default one queue for all */
  readonly keyOf?: (request: ProviderRequest) => string | undefined
  /** Tokens that count against the limit. @default uncached input, cache writes and output */
  readonly tokensOf?: (usage: Usage) => number
  /** Called with a request; returns the tokens it is expected to use. @default its input by length, plus `maxOutputTokens` or 1_024 */
  readonly estimateTokens?: (request: ProviderRequest) => number
  /** Clock. @default that of the machine */
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

/** The state of a `RateLimiter`, as `inspect` returns it. */
export interface RateLimiterInspection {
  /** Calls under way. */
  readonly running: number
  /** Calls in the queue. */
  readonly waiting: number
  /** Calls that may begin at once; undefined without a limit. */
  readonly requestsLeft: number | undefined
  /** Tokens that may be used at once, negative after a call used more than estimated; undefined without a limit. */
  readonly tokensLeft: number | undefined
}

interface Waiter {
  readonly tokens: number
  readonly admit: () => void
}

/** `retryAfterMs` of a call that only waits for others to end, in milliseconds. */
const slotWaitMs = 1_000

/**
 * Queues calls so that the requests and tokens of the last minute, and the calls under way, stay within limits. Tokens are estimated before a call
 * and corrected after it. A call that cannot begin within `maxWaitMs` throws `provider-rate-limit` with `retryAfterMs` and `details.refusedBy`; an
 * aborted one `provider-aborted`. One limiter before several providers limits them together. Constructor throws `invalid-option`.
 *
 * - I1: a call begins only if a slot is free and both windows have room; only `setLimits`, or a call that used more than estimated, exceeds a limit.
 * - I2: waiting calls begin in the order of the queue: round robin over keys, first in, first out within each.
 * - I3: every call that began frees its slot once, when it ends; a call that leaves the queue frees its place at once.
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

  /** Waits until the call may begin. Rejects with `provider-rate-limit` or `provider-aborted`. */
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

  /** Replaces all limits; an absent one is removed. Waiting calls and the usage of the last minute stay. Throws `invalid-option`. */
  setLimits(limits: RateLimits): void {
    checkOptions<RateLimits>('RateLimiter.setLimits', limits, limitRules)
    this.#take(limits)
    this.#admit()
  }

  /** Returns the calls under way, the calls waiting, and the room that the limits leave. */
  inspect(): RateLimiterInspection {
    const now = this.#clock.monotonic()
    return {
      running: this.#running,
      waiting: this.#queue.size,
      requestsLeft: this.#requests === undefined ? undefined : Math.floor(this.#requests.level(now)),
      tokensLeft: this.#tokens === undefined ? undefined : Math.floor(this.#tokens.level(now)),
    }
  }

  /** Returns the tokens used: for an interrupted call those sent and received; none for one that failed before any output. */
  #used(ending: CallEnding, request: ProviderRequest, output: OutputMeter): number {
    if (ending.type === 'failed' && !output.hasOutput) return 0
    return amount(this.#tokensOf(ending.type === 'finished' ? ending.usage : output.usage(estimateRequestTokens(request))))
  }

  #take({ requestsPerMinute, tokensPerMinute, maxConcurrent }: RateLimits): void {
    this.#maxConcurrent = maxConcurrent ?? Number.POSITIVE_INFINITY
    this.#requests = windowWith(this.#requests, requestsPerMinute)
    this.#tokens = windowWith(this.#tokens, tokensPerMinute)
  }

  /** Resolves when the call may begin, with the tokens that it took; the call counts as begun from then on. */
  #turn(tokens: number, key: string, signal: AbortSignal): Promise<Taken | undefined> {
    if (this.#queue.size === 0 && this.#hasSlot && this.#windowWaitMs([tokens]) === 0) return Promise.resolve(this.#begin(tokens))
    // Fails fast when the turn cannot come in time, so that another provider may be asked.
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

  /** Begins every call that may begin, and sets a timer for the next one. */
  #admit(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      // Only the end of a call makes room, and that calls `#admit` itself.
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

  /** Returns the milliseconds until the windows have room for the last of these calls after the others. */
  #windowWaitMs(tokens: readonly number[]): number {
    const now = this.#clock.monotonic()
    const ones = tokens.map(() => 1)
    return Math.max(this.#requests?.waitMs(ones, now) ?? 0, this.#tokens?.waitMs(tokens, now) ?? 0)
  }

  /** Returns the refusal. `tokens`: those of the calls before, then of the call itself. */
  #refusal(tokens: readonly number[]): BeamClawError {
    const expectedMs = this.#windowWaitMs(tokens)
    return new BeamClawError(
      'provider-rate-limit',
      `The rate limit of "${this.#id}" has no room for the call within ${this.#maxWaitMs} ms`,
      {
        retryAfterMs: expectedMs === 0 ? slotWaitMs : expectedMs,
        details: { refusedBy: 'rate-limiter', provider: this.#id, waiting: this.#queue.size, running: this.#running },
      },
    )
  }
}

/** Returns the window with a new limit, or a new window when there is none. */
function windowWith(window: MinuteWindow | undefined, limit: number | undefined): MinuteWindow | undefined {
  if (limit === undefined) return undefined
  window?.setLimit(limit)
  return window ?? new MinuteWindow(limit)
}

/** Makes the result of a callback safe for sums. */
function amount(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0
}
