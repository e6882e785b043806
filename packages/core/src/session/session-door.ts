/** Connects a handle to its session: commands, streams of runs and feeds of events. */
import type { EventBus, SystemServices } from '@beamclaw/actor'
import { referencesIn } from '../base/attachments.ts'
import { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import type { RunId, SessionKey, TenantId } from '../base/ids.ts'
import type { StoredBlob } from '../ports/blob-store.ts'
import type { LogPage, Store } from '../ports/store.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import type { RunWaits } from '../tool/run-waits.ts'
import type { StandardSchema } from '../tool/standard-schema.ts'
import { sendWithSignal } from './abort-by-signal.ts'
import { readBlob } from './attachments/read-blob.ts'
import { wholeMessage } from './attachments/whole-content.ts'
import { patient } from './call-where-it-is.ts'
import { type EventPage, pageOf } from './event-page.ts'
import { pageRecords } from './journal/read-transcript.ts'
import { formatTooNew } from './journal/record-formats.ts'
import type { EventLoopTurns } from './run/event-loop-turns.ts'
import { RunStream } from './run/run-stream.ts'
import type { Repair } from './run/run-stream-options.ts'
import type { SessionMessage } from './session.ts'
import { SessionFeed } from './session-feed.ts'
import { committedTopic, journalKey, sessionTopic } from './session-names.ts'
import type { SendReceipt } from './session-replies.ts'
import type { SessionRouter } from './session-router.ts'
import type { ExportedMessage, SessionExport } from './session-transfer.ts'

/** Milliseconds until a page is read again during an outage. */
const readAgainMs = 250

/** The services that a handle uses. */
export interface SessionAccess {
  /** The tenant. */
  readonly id: TenantId
  readonly router: SessionRouter
  readonly waits: RunWaits
  readonly events: EventBus<RunEvent>
  readonly providers: ProviderTable
  /** Maximum depth of sessions that wait for each other. */
  readonly maxCallDepth: number
  readonly services: SystemServices
  readonly store: Store
  readonly turns: EventLoopTurns
  /** Calls back once the sessions of this incarnation have ended. Returns a function that takes the callback back. */
  readonly whenSessionsEnd: (callback: () => void) => () => void
  /** Has a node that reads this format read a page of a journal. Resolves with undefined when none is there, or none replies. */
  readonly pageElsewhere: (key: SessionKey, fromSeq: number, format: number) => Promise<EventPage | undefined>
}

export class SessionDoor {
  readonly #key: SessionKey
  readonly #access: SessionAccess

  constructor(key: SessionKey, access: SessionAccess) {
    this.#key = key
    this.#access = access
  }

  /** Sends a command on the control lane, and resolves with its reply. */
  ask<T>(message: SessionMessage): Promise<T> {
    return this.#access.router.ask<T>(this.#key, message)
  }

  /** Resolves with the progress of a run. Rejects with `unknown-run`. */
  find(runId: RunId): Promise<SendReceipt> {
    return this.ask<SendReceipt>({ type: 'find', runId })
  }

  abort(runId: RunId): Promise<unknown> {
    return this.ask({ type: 'abort', runId })
  }

  /** Calls `send`; from then on the signal aborts the run. */
  sendWithSignal(runId: RunId, signal: AbortSignal, send: () => Promise<SendReceipt>): Promise<SendReceipt> {
    const { events, id } = this.#access
    const topic = committedTopic(id, this.#key)
    return sendWithSignal({ signal, events, topic, send, find: () => this.find(runId), abort: () => this.abort(runId) })
  }

  /** Returns the stream of a run that `send` starts or finds. */
  stream<TOutput>(
    runId: RunId,
    send: () => Promise<SendReceipt>,
    output?: StandardSchema<TOutput>,
    repair?: Repair<TOutput>,
  ): RunStream<TOutput> {
    const { id, services, waits } = this.#access
    return new RunStream({
      sessionKey: this.#key,
      runId,
      listen: () => this.feed(sessionTopic(id, this.#key)),
      listenToCommitted: () => this.feed(committedTopic(id, this.#key)),
      send,
      find: () => this.find(runId),
      abort: () => this.abort(runId),
      beginWaiting: () => waits.begin(this.#key),
      output,
      repair,
      clock: services.clock,
    })
  }

  /** Reads an attachment beside the session, which stays as it is. */
  attachment(blob: string): Promise<StoredBlob | undefined> {
    const { id, router, store } = this.#access
    router.checkRuns()
    return this.#patiently(store.blobs.read(journalKey(id, this.#key), blob))
  }

  /** Resolves with an export that has the data of its attachments. */
  async whole(exported: SessionExport): Promise<SessionExport> {
    const { turns } = this.#access
    const messages: ExportedMessage[] = []
    for (const entry of exported.messages) {
      if (referencesIn(entry.message).length === 0) messages.push(entry)
      else {
        messages.push({ ...entry, message: await wholeMessage(entry.message, ({ blob }) => this.#bytesOf(blob)) })
        await turns.due()
      }
    }
    return { ...exported, messages }
  }

  /** Resolves with undefined for an attachment that is missing or damaged. */
  async #bytesOf(blob: string): Promise<Uint8Array | undefined> {
    const { id, router, store } = this.#access
    router.checkRuns()
    try {
      return await this.#patiently(readBlob(store.blobs, journalKey(id, this.#key), blob))
    } catch (error) {
      if (BeamClawError.isInstance(error, 'log-corrupt')) return undefined
      throw error
    }
  }

  /** Subscribes to a topic of the session. Events that the bus lost are read from the journal. */
  feed(topic: string, options: { readonly signal?: AbortSignal } = {}): SessionFeed {
    const { events, services } = this.#access
    const read = (fromSeq: number): Promise<EventPage> => this.#page(fromSeq)
    return new SessionFeed({ events, topic, read, clock: services.clock, ...options })
  }

  /**
   * Reads a page of events beside the session, which stays as it is: asleep, or at work. A node of several waits until it reaches its cluster and its store
   * again: a reader is not ended by an outage. Rejects with `unknown-session`.
   */
  async #page(fromSeq: number): Promise<EventPage> {
    const { router, services } = this.#access
    const until = services.clock.monotonic() + patient.timeoutMs
    for (;;) {
      try {
        return await this.#readPage(fromSeq)
      } catch (error) {
        const isLate = services.clock.monotonic() >= until && !BeamClawError.isInstance(error, 'node-isolated')
        if (isLate || !router.isOutage(error)) throw error
        await new Promise<void>((resolve) => services.clock.setTimer(resolve, readAgainMs, true))
      }
    }
  }

  async #readPage(fromSeq: number): Promise<EventPage> {
    const { id, router, store, turns } = this.#access
    router.checkRuns()
    const key = journalKey(id, this.#key)
    const read = (): Promise<LogPage | undefined> => this.#patiently(store.readLog(key, { fromSeq, limit: pageRecords }))
    let page = await read()
    if (page === undefined || page.lastSeq === 0) {
      // The session knows whether it has settings, and whether its first message is being written.
      await this.ask({ type: 'exists' })
      page = await read()
    }
    await turns.due()
    // A reader of a BeamClaw that has ended meanwhile is told so: another one may have the session by now.
    router.checkRuns()
    try {
      return pageOf(page, this.#key)
    } catch (error) {
      const format = formatTooNew(error)
      const read = format === undefined ? undefined : await this.#access.pageElsewhere(this.#key, fromSeq, format)
      if (read === undefined) throw error
      return read
    }
  }

  /** A store may never answer: a reader waits as long as for a session, and no longer than the sessions run. */
  #patiently<T>(call: Promise<T>): Promise<T> {
    const { services, whenSessionsEnd } = this.#access
    return new Promise((resolve, reject) => {
      const { timeoutMs } = patient
      const late = `The journal of session "${this.#key}" was not read within ${timeoutMs} ms; try again later`
      const timer = services.clock.setTimer(() => reject(new BeamClawError('call-timeout', late)), timeoutMs, true)
      const ended = 'Sessions have ended while a journal was read; try again in a moment, or start a BeamClaw again'
      const forget = whenSessionsEnd(() => reject(new BeamClawError('actor-not-running', ended)))
      const settle = (): void => {
        timer.cancel()
        forget()
      }
      call.then(resolve, reject).finally(settle)
    })
  }
}
