/** Makes the ends of processes durable, and tells their owners. */
import type { Clock, Logger, TimerHandle } from '@beamclaw/actor'
import type { QueueMode } from '../agent/session-settings.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { PartHost } from '../part/part.ts'
import { noticeKey, noticeText } from './exit-notice.ts'
import type { ProcessEntry } from './process-entry.ts'

/** Milliseconds until a failed attempt is repeated; doubled each time, up to the longest. */
const firstRetryMs = 1_000
const longestRetryMs = 60_000

/** Failures that another attempt would only repeat: the owner cannot be told. */
const lasting: ReadonlySet<string> = new Set([
  ...['unknown-agent', 'unknown-session', 'invalid-message', 'invalid-option', 'invalid-session-key', 'document-too-large'],
  ...['hook-failed', 'log-corrupt', 'log-too-new'],
])

export interface ExitNoticesOptions {
  readonly host: PartHost
  readonly queueMode: QueueMode
}

/**
 * Phases: `open → closed`. Owns the timers of the repeats.
 * I1: An end is durable before it is told, and its owner's message is durable before the document says that it was told: a crash in between tells it again
 * under the same key, which the session knows.
 */
export class ExitNotices {
  readonly #host: PartHost
  readonly #queueMode: QueueMode
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #timers = new Set<TimerHandle>()
  #isClosed = false

  constructor({ host, queueMode }: ExitNoticesOptions) {
    this.#host = host
    this.#queueMode = queueMode
    this.#clock = host.services.clock
    this.#logger = host.services.logger
  }

  /** Writes down the end of a process and tells its owner, if that is due; repeats what fails. Calls `onSettled` at last. */
  settle(entry: ProcessEntry, onSettled: () => void): void {
    void this.#try(entry, onSettled, firstRetryMs)
  }

  /** What is not done now is done by the next start. */
  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  async #try(entry: ProcessEntry, onSettled: () => void, retryMs: number): Promise<void> {
    if (this.#isClosed) return
    try {
      await entry.document.save()
      if (entry.isNoticeDue && !this.#isClosed) {
        await this.#tell(entry)
        entry.change({ type: 'told' })
        await entry.document.save()
      }
      if (!this.#isClosed) onSettled()
    } catch (error) {
      if (this.#isClosed) return
      this.#logger.log('warn', 'process.end-not-told', { process: entry.id, error: describeError(error), retryAfterMs: retryMs })
      const timer = this.#clock.setTimer(
        () => {
          this.#timers.delete(timer)
          void this.#try(entry, onSettled, Math.min(longestRetryMs, retryMs * 2))
        },
        retryMs,
        true,
      )
      this.#timers.add(timer)
    }
  }

  /** Resolves once the owner has the message, or cannot have it. Rejects where another attempt may succeed. */
  async #tell(entry: ProcessEntry): Promise<void> {
    const { record } = entry
    const { sessionKey, context } = record.owner
    try {
      const session = this.#host.session(sessionKey)
      // A message would begin a deleted session again.
      if (!(await session.exists())) return this.#giveUp(entry, 'the session does not exist any more')
      const idempotencyKey = noticeKey(record)
      await session.send(noticeText(record), { idempotencyKey, queueMode: this.#queueMode, ...(context === undefined ? {} : { context }) })
        .accepted
    } catch (error) {
      // An earlier attempt was accepted.
      if (BeamClawError.isInstance(error, 'idempotency-mismatch')) return
      if (!BeamClawError.isInstance(error) || !lasting.has(error.code)) throw error
      this.#giveUp(entry, describeError(error))
    }
  }

  #giveUp({ record: { id, owner } }: ProcessEntry, reason: string): void {
    if (!this.#isClosed) this.#logger.log('warn', 'process.owner-gone', { process: id, session: owner.sessionKey, reason })
  }
}
