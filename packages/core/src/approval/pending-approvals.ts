/**
 * The requests of a tenant that wait for a decision, as documents: what is asked is in the journal of the session, and the documents are how it is found
 * without waking any session. One timer, for the earliest deadline of all.
 *
 * Phases: `new → open ⇄ closed`; requests are taken in each, and expire only while it is open.
 * Owns the documents and the timer.
 * I1: A document is written before the record of the request (`prepare`), and removed after the journal has the decision: a request that waits is found.
 * I2: A document without a waiting request (a crash came between the two) is removed when it is answered or expires, and does nothing else.
 * I4: A request that is prepared is told to no one of this node before its record is durable (`follow`). Other nodes find the document: their decisions wait for
 * the record (`recorded`).
 * I3: Of a request that is written, memory has its id and the session, not its text.
 */

import type { Clock, Logger, TimerHandle } from '@beamclaw/actor'
import type { ApprovalRequest } from '../base/approval.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { SessionKey, TenantId } from '../base/ids.ts'
import type { JsonObject } from '../base/messages.ts'
import { settlesWithin } from '../base/settles-within.ts'
import { keysBelow } from '../defaults/keys-below.ts'
import type { Store } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'
import { expiryOf } from './approval-id.ts'

export interface PendingApprovalsOptions {
  readonly tenant: TenantId
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  /** Has the session record that the time of a request is over. Resolves with false when it is not over yet. */
  readonly expire: (sessionKey: SessionKey, id: string) => Promise<boolean>
}

interface Entry {
  readonly expiresAt: number
  /** Unknown for a request of an earlier process that was not read yet. */
  sessionKey: SessionKey | undefined
  /** False until the record of the request is durable. */
  isAsked: boolean
  /** Resolves once that is so, or the request is needed no more; undefined for one that was not prepared here. */
  readonly recorded: PromiseWithResolvers<void> | undefined
  /** The request, until it is written. */
  request: ApprovalRequest | undefined
  /** Resolves with whether the document is durable. The last attempt counts. */
  written: Promise<boolean>
  /** When a failed expiry is tried again. */
  retryAt: number
  /** True for a request of a run of this process: its answer is awaited, so the process does not end before the deadline. */
  readonly isOurs: boolean
}

/** Requests that expire concurrently, and documents that are read concurrently. */
const atOnce = 32

/** Milliseconds until an expiry that failed is tried again. */
const retryMs = 5_000

/** Milliseconds that a decision waits for the record of its request. */
const recordedWithinMs = 2_000

/** The longest delay of the timer: a clock that was put forward, or a machine that slept, is noticed after it. */
const longestMs = 60_000

export class PendingApprovals {
  readonly #options: PendingApprovalsOptions
  readonly #entries = new Map<string, Entry>()
  readonly #bySession = new Map<SessionKey, Set<string>>()
  #timer: TimerHandle | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #ours = 0
  #isOpen = false
  #incarnation = 0

  constructor(options: PendingApprovalsOptions) {
    this.#options = options
  }

  /** Finds the requests that an earlier process has left, and begins to watch the deadlines. Rejects as the store does. */
  async open(): Promise<void> {
    const incarnation = ++this.#incarnation
    for await (const id of this.#ids()) this.#entries.set(id, this.#entries.get(id) ?? leftBehind(id))
    // It may have been closed, or opened again, meanwhile.
    if (incarnation !== this.#incarnation) return
    this.#isOpen = true
    this.#arm()
  }

  close(): void {
    this.#incarnation++
    this.#isOpen = false
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  /** Makes a request durable where it is found without its session, before its record is written. Never rejects: see `written`. */
  async prepare(request: ApprovalRequest): Promise<void> {
    await this.#add(request, false).written
  }

  /** Resolves once a request that was prepared here is recorded, or needed no more; with false when that takes long. */
  async recorded(id: string): Promise<boolean> {
    const recorded = this.#entries.get(id)?.recorded
    if (recorded === undefined) return true
    return await settlesWithin(recorded.promise, recordedWithinMs, { clock: this.#options.clock, isBackground: true })
  }

  /**
   * Takes the requests of a session that wait now, all of them: called with each change of them. The others are removed once `listed` has resolved. One that was
   * `recorded` just now may be over already, by a record that follows: it is removed with that.
   */
  follow(
    sessionKey: SessionKey,
    requests: readonly ApprovalRequest[],
    { listed = Promise.resolve(), recorded }: { readonly listed?: Promise<void> | undefined; readonly recorded?: string | undefined } = {},
  ): void {
    // One that does not wait may never be looked at.
    listed.catch(() => {})
    const before = this.#bySession.get(sessionKey)
    const isOver = recorded !== undefined && this.#entries.has(recorded) && !requests.some(({ id }) => id === recorded)
    if (before === undefined && requests.length === 0 && !isOver) return
    const kept = new Set(requests.map(({ id }) => id))
    for (const id of before ?? []) if (!kept.has(id)) this.remove(id, listed)
    for (const request of requests) if (before?.has(request.id) !== true) this.#add(request, true)
    if (isOver) {
      this.#entries.get(recorded)?.recorded?.resolve()
      kept.add(recorded)
    }
    if (kept.size === 0) this.#bySession.delete(sessionKey)
    else this.#bySession.set(sessionKey, kept)
  }

  /** Resolves with whether all waiting requests of a session are durable. One that could not be written is tried once more. */
  async written(sessionKey: SessionKey): Promise<boolean> {
    const ids = [...(this.#bySession.get(sessionKey) ?? [])]
    const written = await Promise.all(ids.map((id) => this.#isWritten(id)))
    return written.every((one) => one)
  }

  async #isWritten(id: string): Promise<boolean> {
    const entry = this.#entries.get(id)
    if (entry === undefined || (await entry.written)) return true
    if (entry.request === undefined || this.#entries.get(id) !== entry) return true
    entry.written = this.#write(entry, entry.request)
    return entry.written
  }

  /** Resolves with a request; undefined when it does not wait any more. */
  async get(id: string): Promise<ApprovalRequest | undefined> {
    const entry = this.#entries.get(id)
    if (entry?.isAsked === false) return undefined
    if (entry?.request !== undefined) return entry.request
    const found = await this.#options.store.get(this.#key(id))
    return found === undefined ? undefined : (found.value as unknown as ApprovalRequest)
  }

  /** Returns the waiting requests, the earliest deadline first. */
  async *all(): AsyncGenerator<ApprovalRequest> {
    const now = [...this.#entries].flatMap(([, { request, isAsked }]) => (request === undefined || !isAsked ? [] : [request]))
    const told = new Set(now.map(({ id }) => id))
    yield* now
    let page: string[] = []
    for await (const id of this.#ids()) {
      if (told.has(id) || this.#entries.get(id)?.isAsked === false) continue
      page.push(id)
      if (page.length < atOnce) continue
      yield* await this.#read(page)
      page = []
    }
    yield* await this.#read(page)
  }

  /** Removes a request that was decided or is needed no more, its document once `listed` has resolved. */
  remove(id: string, listed: Promise<void> = Promise.resolve()): void {
    const entry = this.#entries.get(id)
    this.#entries.delete(id)
    entry?.recorded?.resolve()
    if (entry?.isOurs === true && --this.#ours === 0) this.#arm()
    // One that is being written is removed once that is done.
    void Promise.all([entry?.written, listed])
      .then(() => this.#options.store.delete(this.#key(id)))
      .catch((error: unknown) => this.#options.logger.log('warn', 'approval.not-removed', { approval: id, error: describeError(error) }))
  }

  #key(id: string): StoreKey {
    return [this.#options.tenant, 'approvals', id]
  }

  async #read(ids: readonly string[]): Promise<ApprovalRequest[]> {
    const found = await Promise.all(ids.map((id) => this.get(id)))
    return found.filter((request) => request !== undefined)
  }

  async *#ids(): AsyncGenerator<string> {
    const { store, tenant } = this.#options
    for await (const [, , id, ...below] of keysBelow(store, [tenant, 'approvals'])) {
      if (below.length === 0 && id !== undefined && expiryOf(id) !== undefined) yield id
    }
  }

  #add(request: ApprovalRequest, isAsked: boolean): Entry {
    const { id, expiresAt, sessionKey } = request
    const known = this.#entries.get(id)
    if (known !== undefined) {
      known.sessionKey = sessionKey
      known.isAsked ||= isAsked
      if (isAsked) known.recorded?.resolve()
      return known
    }
    const recorded = isAsked ? undefined : Promise.withResolvers<void>()
    const entry: Entry = { expiresAt, sessionKey, isAsked, recorded, request, written: Promise.resolve(true), retryAt: 0, isOurs: true }
    entry.written = this.#write(entry, request)
    this.#entries.set(id, entry)
    this.#ours++
    if (expiresAt < this.#timerAt || this.#ours === 1) this.#arm()
    return entry
  }

  async #write(entry: Entry, request: ApprovalRequest): Promise<boolean> {
    const { store, logger } = this.#options
    try {
      await store.put(this.#key(request.id), request as unknown as JsonObject)
      entry.request = undefined
      return true
    } catch (error) {
      // It stays in memory, and its session listed as busy: the next process finds it there, should this one not write it before.
      logger.log('error', 'approval.not-stored', { session: request.sessionKey, approval: request.id, error: describeError(error) })
      return false
    }
  }

  /** Sets the timer for the earliest deadline. */
  #arm(): void {
    if (!this.#isOpen) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
    for (const { expiresAt, retryAt } of this.#entries.values()) this.#timerAt = Math.min(this.#timerAt, Math.max(expiresAt, retryAt))
    if (this.#timerAt === Number.POSITIVE_INFINITY) return
    const { clock } = this.#options
    const delayMs = Math.min(longestMs, Math.max(0, this.#timerAt - clock.now()))
    this.#timer = clock.setTimer(() => void this.#expireDue(), delayMs, this.#ours === 0)
  }

  async #expireDue(): Promise<void> {
    const now = this.#options.clock.now()
    const due = [...this.#entries].filter(([, { expiresAt, retryAt }]) => Math.max(expiresAt, retryAt) <= now).map(([id]) => id)
    // The next timer need not wait for these.
    for (const id of due) {
      const entry = this.#entries.get(id)
      if (entry !== undefined) entry.retryAt = now + retryMs
    }
    this.#arm()
    const expireNext = async (): Promise<void> => {
      for (let id = due.pop(); id !== undefined && this.#isOpen; id = due.pop()) await this.#expire(id)
    }
    await Promise.all(Array.from({ length: atOnce }, expireNext))
  }

  async #expire(id: string): Promise<void> {
    const { expire, logger } = this.#options
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    try {
      const sessionKey = entry.sessionKey ?? (await this.get(id))?.sessionKey
      if (sessionKey === undefined || (await expire(sessionKey, id))) this.remove(id)
    } catch (error) {
      if (isOver(error)) return this.remove(id)
      logger.log('warn', 'approval.not-expired', { approval: id, error: describeError(error), retryAfterMs: retryMs })
    }
  }
}

/** True when no such request waits in the session, or there is no such session. */
export function isOver(error: unknown): boolean {
  return (['already-resolved', 'unknown-approval', 'unknown-session'] as const).some((code) => BeamClawError.isInstance(error, code))
}

function leftBehind(id: string): Entry {
  return {
    expiresAt: expiryOf(id) ?? 0,
    sessionKey: undefined,
    isAsked: true,
    recorded: undefined,
    request: undefined,
    written: Promise.resolve(true),
    retryAt: 0,
    isOurs: false,
  }
}
