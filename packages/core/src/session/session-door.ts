/** Connects a handle to its session: commands, streams of runs and feeds of events. */
import type { EventBus, SystemServices } from '@beamclaw/actor'
import type { RunEvent } from '../base/events.ts'
import type { RunId, SessionKey, TenantId } from '../base/ids.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import type { RunWaits } from '../tool/run-waits.ts'
import type { StandardSchema } from '../tool/standard-schema.ts'
import { sendWithSignal } from './abort-by-signal.ts'
import { RunStream } from './run/run-stream.ts'
import type { Repair } from './run/run-stream-options.ts'
import type { SessionMessage } from './session.ts'
import { SessionFeed } from './session-feed.ts'
import { committedTopic, sessionTopic } from './session-names.ts'
import type { SendReceipt } from './session-replies.ts'
import { patient, type SessionRef, type SessionRouter } from './session-router.ts'

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
}

export class SessionDoor {
  readonly #key: SessionKey
  readonly #access: SessionAccess

  constructor(key: SessionKey, access: SessionAccess) {
    this.#key = key
    this.#access = access
  }

  /** Resolves with the session. Rejects with `unknown-session` when it does not exist. With `isLook` it is not resumed by that. */
  session(isLook = false): Promise<SessionRef> {
    return this.#access.router.find(this.#key, isLook)
  }

  /** Sends a command on the control lane, and resolves with its reply. */
  async ask<T>(message: SessionMessage): Promise<T> {
    return (await this.session(message.type === 'inspect')).call(message, { ...patient, lane: 'control' }) as Promise<T>
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

  /** Subscribes to a topic of the session. Events that the bus lost are read from the journal. */
  feed(topic: string, options: { readonly signal?: AbortSignal } = {}): SessionFeed {
    const read = (fromSeq: number): Promise<readonly RunEvent[]> => this.ask<readonly RunEvent[]>({ type: 'read', fromSeq })
    const { events, services } = this.#access
    return new SessionFeed({ events, topic, read, clock: services.clock, ...options })
  }
}
