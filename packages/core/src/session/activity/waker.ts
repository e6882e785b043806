/** Wakes sessions whose work was interrupted, and retries those whose first attempt failed. */

import type { Clock, Logger, TimerHandle } from '@beamclaw/actor'
import type { ErrorCode } from '../../base/error-codes.ts'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { SessionKey } from '../../base/ids.ts'
import { isUnreadable } from '../journal/record-formats.ts'
import type { SessionRouter } from '../session-router.ts'

export interface WakerOptions {
  readonly router: SessionRouter
  readonly clock: Clock
  readonly logger: Logger
  /** Returns true for a session whose work cannot be done now. */
  readonly isParked: (key: SessionKey) => boolean
  /** Strikes a session off the list that works at another node now, whose list it is on. */
  readonly moved: (key: SessionKey) => void
  /** Keeps a session listed whose journal cannot be read, without counting it as busy: nothing is done for it until it is mended or used. */
  readonly park: (key: SessionKey) => void
}

/**
 * `at-rest`: nothing is to be done for it, or nothing can be done. `failed`: another attempt may succeed. `refused`: none of this node can, for its store is
 * lost or another owner has the session; what the list of a dead node says of it still counts.
 */
export type WakeOutcome = 'at-work' | 'at-rest' | 'failed' | 'refused'

/** Sessions that are woken concurrently. */
const atOnce = 32

/** Milliseconds until a failed wake-up is retried; doubled each time, up to the longest. */
const firstRetryMs = 1_000
const longestRetryMs = 60_000

/** Failures that another attempt would only repeat. */
const lasting: ReadonlySet<string> = new Set<ErrorCode>([
  'log-corrupt',
  'log-too-new',
  'fenced',
  'store-failed',
  'store-replaced',
  'store-stopped',
  'actor-not-running',
])

export class Waker {
  readonly #options: WakerOptions
  readonly #retries = new Map<SessionKey, TimerHandle>()
  #isStopped = false

  constructor(options: WakerOptions) {
    this.#options = options
  }

  /** Tries each session once. Resolves with the number of sessions that now work. Failed ones are retried later. */
  async wakeAll(keys: readonly SessionKey[]): Promise<number> {
    const rest = [...keys]
    let atWork = 0
    const wakeNext = async (): Promise<void> => {
      for (let key = rest.pop(); key !== undefined; key = rest.pop()) if (await this.#wake(key, firstRetryMs)) atWork++
    }
    await Promise.all(Array.from({ length: atOnce }, wakeNext))
    return atWork
  }

  /** Tries a session once. Resolves with what it does now. Never rejects. */
  async wakeOnce(key: SessionKey): Promise<WakeOutcome> {
    const { router, logger, isParked, park, moved } = this.#options
    if (this.#isStopped) return 'failed'
    try {
      const { current, waiting, isElsewhere } = await router.wake(key)
      // One that has left this node meanwhile, to no other one, is still found by the list.
      if (isElsewhere && !isParked(key) && !router.isStarted(key)) moved(key)
      return !isParked(key) && (current !== undefined || waiting.length > 0) ? 'at-work' : 'at-rest'
    } catch (error) {
      // Its first message was not durable yet, so no caller was told that it was accepted.
      if (BeamClawError.isInstance(error, 'unknown-session')) return 'at-rest'
      // An orderly stop that came sooner: the next start resumes the session.
      if (this.#isStopped) return 'failed'
      const isLasting = BeamClawError.isInstance(error) && lasting.has(error.code)
      logger.log('error', 'session.not-resumed', { session: key, error: describeError(error), isTriedAgain: !isLasting })
      if (isUnreadable(error)) {
        park(key)
        return 'at-rest'
      }
      return isLasting ? 'refused' : 'failed'
    }
  }

  /** Stops all retries. */
  stop(): void {
    this.#isStopped = true
    for (const timer of this.#retries.values()) timer.cancel()
    this.#retries.clear()
  }

  /** Resolves with whether the session now works. */
  async #wake(key: SessionKey, retryMs: number): Promise<boolean> {
    const outcome = await this.wakeOnce(key)
    if (outcome === 'failed') this.#retryLater(key, retryMs)
    return outcome === 'at-work'
  }

  #retryLater(key: SessionKey, retryMs: number): void {
    if (this.#isStopped) return
    const again = (): void => {
      this.#retries.delete(key)
      void this.#wake(key, Math.min(longestRetryMs, retryMs * 2))
    }
    this.#retries.get(key)?.cancel()
    this.#retries.set(key, this.#options.clock.setTimer(again, retryMs, true))
  }
}
