/** The public handle on one conversation. */

import { aBoolean, aSignal, checkOptions, definedOnly, guardedRead, integer, readOptions, text } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import { parseRunId, parseSessionKey, type RunId, type SessionKey, sessionKeyParts } from '../base/ids.ts'
import type { UserMessage } from '../base/messages.ts'
import { checkBlobId } from '../defaults/blob-input.ts'
import type { StoredBlob } from '../ports/blob-store.ts'
import { aStandardSchema } from '../tool/standard-schema.ts'
import { lazyFeed } from './lazy-feed.ts'
import type { RunStream } from './run/run-stream.ts'
import { parseRepairId, repairRequest } from './run/structured-output.ts'
import { newMessageOf, type SendOptions, type SendRest } from './send-options.ts'
import { type SessionAccess, SessionDoor } from './session-door.ts'
import type { SessionFeed } from './session-feed.ts'
import {
  type FollowOptions,
  type ForkOptions,
  type HistoryOptions,
  historyLimit,
  type SubscribeToSessionOptions,
} from './session-handle-options.ts'
import { keyOfName, sessionTopic } from './session-names.ts'
import type { AbortReceipt, SendReceipt, SessionHistory, SessionInspection } from './session-replies.ts'
import { checkChanges, type SessionSettings, type SessionSettingsPatch, withoutNulls } from './session-settings.ts'
import { checkedImport, type SessionExport, type SessionImport } from './session-transfer.ts'
import type { DeadLetter } from './state/known-run.ts'

/**
 * A handle on one session: sends messages, follows runs and reads the history. No session starts before the first call. `TContext` is the `context` of
 * the agent's messages, if the handle was requested with its agent.
 *
 * @example
 * const session = running.session('agent:main:chat-7')
 * const { text } = await session.send('Hello').result()
 */
export class SessionHandle<TContext = unknown> {
  readonly key: SessionKey
  readonly #access: SessionAccess
  readonly #door: SessionDoor

  // Number of sessions above this one that wait for its runs.
  readonly #depth: number

  constructor(key: SessionKey, access: SessionAccess, depth = 0) {
    this.#depth = depth
    this.key = key
    this.#access = access
    this.#door = new SessionDoor(key, access)
  }

  /**
   * Sends a user message, which starts a run. Never throws: `accepted`, the result, an iteration and a response of the stream reject with the error.
   * `accepted` resolves once the message is durable. Rejects with `invalid-message`, with the path of the value, for content that is not text or parts of
   * text and images, and for a `context` that is not JSON or does not fit the agent's schema; `document-too-large` for a message or `context` above its limit;
   * `hook-failed` for a schema that takes longer than a minute;
   * `invalid-option`, also for tools that the agent does not have and for an `output` without a JSON Schema; `invalid-id` for the key;
   * `idempotency-mismatch` when the key belongs to a message with different content; and `unknown-agent`, `session-busy`, `overloaded`, `call-depth`,
   * `call-aborted` and `draining`.
   *
   * @example
   * const { output } = await session.send('Who wrote it?', { output: z.object({ author: z.string() }) }).result()
   */
  send<TOutput = undefined>(content: UserMessage['content'], ...[options = {}]: SendRest<TOutput, TContext>): RunStream<TOutput> {
    return this.#streamOrRefusal('send', () => this.#send(content, options as SendOptions<TOutput>))
  }

  #send<TOutput>(content: UserMessage['content'], given: SendOptions<TOutput>): RunStream<TOutput> {
    const options = readOptions('send', given)
    const { router, providers } = this.#access
    const { message, context } = newMessageOf(content, options, providers, this.#depth, () => this.#newRunId())
    const { output, repair = true } = options
    this.#checkDepth()
    const { runId } = message
    const send = async (): Promise<SendReceipt> => {
      // A message from a tool belongs to the active run, for which a draining node waits.
      const checkTakes = (): void => (this.#depth === 0 ? router.checkTakesMessages() : undefined)
      checkTakes()
      const { signal } = options
      const checked = await router.checkedContext(this.key, context, signal)
      if (signal?.aborted === true) throw new BeamClawError('call-aborted', 'send: the signal is already aborted', { cause: signal.reason })
      // A drain may have begun meanwhile. From here on, it waits for this message.
      checkTakes()
      const given = checked ?? definedOnly({ context })
      const how = { lane: 'work', isContextUnchecked: checked === undefined } as const
      const call = (): Promise<SendReceipt> => router.begin<SendReceipt>(this.key, { ...message, ...given }, how)
      return signal === undefined ? call() : this.#door.sendWithSignal(runId, signal, call)
    }
    if (output === undefined) return this.#door.stream(runId, send)
    return this.#door.stream(runId, send, output, repair ? (problem) => this.#repair(runId, problem, options) : undefined)
  }

  /**
   * Follows a run that was started elsewhere, by its idempotency key. Never throws: the stream rejects with `unknown-session`, `unknown-run`,
   * `invalid-option` and `invalid-id`.
   *
   * @example
   * const { text } = await session.follow('order-17').result()
   */
  follow<TOutput = undefined>(key: string, options: FollowOptions<TOutput> = {}): RunStream<TOutput> {
    return this.#streamOrRefusal('follow', () => this.#follow(key, options))
  }

  #follow<TOutput>(key: string, given: FollowOptions<TOutput>): RunStream<TOutput> {
    const options = readOptions('follow', given)
    checkOptions<FollowOptions<TOutput>>('follow', options, { output: aStandardSchema })
    const runId = parseRunId(key)
    const repaired = parseRepairId(runId)
    const find = (id: RunId) => () => this.#door.find(id)
    const followRepair = repaired && (() => this.#door.stream(repaired, find(repaired), options.output))
    return this.#door.stream(runId, find(runId), options.output, options.output && followRepair)
  }

  /** Resolves with the messages whose runs were given up after repeated crashes, the oldest first; the last hundred are kept. */
  deadLetters(): Promise<readonly DeadLetter[]> {
    return this.#door.ask<readonly DeadLetter[]>({ type: 'dead-letters' })
  }

  /**
   * Sends the message of a given-up run once more, under a new key. The default key is the old one with `:redrive` appended, so that a repeat gets the
   * same run. Never throws: the stream rejects with `unknown-run` when `runId` is not a dead letter, `invalid-option` and `invalid-id`.
   */
  redrive(runId: string, options: { readonly idempotencyKey?: string } = {}): RunStream {
    return this.#streamOrRefusal('redrive', () => this.#redrive(runId, options))
  }

  #redrive(runId: string, unread: { readonly idempotencyKey?: string }): RunStream {
    const options = readOptions('redrive', unread)
    checkOptions<typeof options>('redrive', options, { idempotencyKey: text(256) })
    const given = parseRunId(runId)
    const newRunId = parseRunId(options.idempotencyKey ?? `${given}:redrive`)
    const send = async (): Promise<SendReceipt> => {
      this.#access.router.checkTakesMessages()
      this.#access.router.checkAgent(this.key)
      return this.#access.router.deliver<SendReceipt>(this.key, { type: 'redrive', runId: given, newRunId })
    }
    return this.#door.stream(newRunId, send)
  }

  /** Aborts a waiting or active run; without `runId` the active one. Has no effect on a run that has ended. */
  async abort(runId?: string): Promise<AbortReceipt> {
    return this.#door.ask<AbortReceipt>({ type: 'abort', runId: runId === undefined ? undefined : parseRunId(runId) })
  }

  /**
   * Resolves with a page of the transcript, the oldest message first, and the runs that have not ended. The transcript is all that was said and not taken
   * back, also what the model sees only as a summary. Recent messages are in memory; older ones are read from the journal, and cost the records of the
   * page and of at most a block of 64 messages at each of its ends. Rejects with `unknown-session`, `invalid-option`, and `log-corrupt` when a page cannot be read.
   *
   * @example
   * const { messages, total } = await session.history({ limit: 50 })
   * const older = await session.history({ limit: 50, before: messages[0]?.index ?? 0 })
   */
  async history(given: HistoryOptions = {}): Promise<SessionHistory> {
    const options = readOptions('history', given)
    checkOptions<HistoryOptions>('history', options, { limit: integer(0), before: integer(0) })
    const { limit = historyLimit, before = Number.MAX_SAFE_INTEGER } = options
    return this.#door.ask<SessionHistory>({ type: 'history', limit, before })
  }

  /**
   * Changes settings of this session; `null` removes one. Resolves with all settings. They apply from the next step of its run on. Rejects with
   * `invalid-option`, also for a `model` whose provider is not configured.
   */
  async configure(changes: SessionSettingsPatch): Promise<SessionSettings> {
    const checked = checkChanges(changes, this.#access.providers)
    return this.#access.router.begin<SessionSettings>(this.key, { type: 'configure', changes: checked })
  }

  /**
   * The session's events: those that its journal has from `fromSeq` on, then new ones. They are read page by page beside the session, which is not
   * woken for it. Leave the loop or abort `signal` to end it. The iteration throws `unknown-session`, unless `waitForFirstMessage` is set. It throws
   * `subscriber-lagged` when the journal has lost events that the reader has not received; `details.cursor` is the first event that exists: read
   * `history()`, and subscribe from there. An iteration that starts more than a second after the call may miss pieces of an answer, and no durable event.
   * Throws `invalid-option`.
   */
  subscribe(fromSeq = 1, given: SubscribeToSessionOptions = {}): AsyncIterable<RunEvent> {
    checkOptions('subscribe', { fromSeq }, { fromSeq: integer(0) })
    const options = readOptions('subscribe', given)
    checkOptions<SubscribeToSessionOptions>('subscribe', options, { signal: aSignal, waitForFirstMessage: aBoolean })
    const { waitForFirstMessage = false, ...rest } = options
    const { id, services } = this.#access
    const open = (): SessionFeed => this.#door.feed(sessionTopic(id, this.key), rest)
    return lazyFeed(open, (feed) => feed.from(fromSeq, { waitForFirstMessage }), services.clock)
  }

  /** Resolves with whether the session was begun: it has a durable message, settings or import. Does not begin one. Rejects as the store does. */
  exists(): Promise<boolean> {
    return this.#access.router.exists(this.key)
  }

  /**
   * Deletes the session: its journal and its settings. Resolves once that is durable, also when the session does not exist. After a crash the session is
   * either complete or deleted. Its feeds end with `unknown-session`. The next message begins a new session, which knows none of the earlier keys. The
   * session's agent need not be configured any more. Rejects with `session-busy` while a run is active or waiting.
   *
   * @example
   * await running.session('agent:main:old').delete()
   */
  delete(): Promise<void> {
    return this.#access.router.delete(this.key)
  }

  /**
   * Removes all but the oldest `toMessage` messages of the transcript, also when the model sees them only as a summary: it sees what it saw at that
   * point, or the newest summary that says nothing of the removed messages. Resolves with the number of messages kept. It is smaller when the cut would separate a
   * tool call from its result. Keys of removed messages and the states of extensions are kept. Rejects with `session-busy` while a run is active or
   * waiting, `invalid-option` and `unknown-session`.
   *
   * @example
   * const { total } = await session.history()
   * await session.rewind(total - 2) // removes the last question and its answer
   */
  async rewind(toMessage: number): Promise<number> {
    checkOptions('rewind', { toMessage }, { toMessage: integer(0) }, ['toMessage'])
    return this.#door.ask<number>({ type: 'rewind', toMessage })
  }

  /**
   * Begins another session with the present transcript and settings of this one; a summary that the model sees here it sees there too. Resolves with its handle; the other session does not exist before all of it
   * is durable. A name without a colon is a session of the same agent. An active run continues here, and its messages so far are copied. Rejects with `session-exists` when the other session has a message or
   * settings, `unknown-session`, `unknown-agent`, `document-too-large`, `invalid-session-key` and `invalid-option`.
   *
   * @example
   * const branch = await session.fork('agent:main:branch', { atMessage: 4 })
   */
  async fork(key: string, given: ForkOptions = {}): Promise<SessionHandle> {
    const options = readOptions('fork', given)
    checkOptions<ForkOptions>('fork', options, { atMessage: integer(0) })
    const branch = new SessionHandle(this.#branchKey(key), this.#access, this.#depth)
    // The attachments are shared, and not copied.
    await branch.#begin(await this.#exportUpTo(options.atMessage ?? Number.MAX_SAFE_INTEGER), this.key)
    return branch
  }

  #branchKey(key: string): SessionKey {
    const isName = typeof key === 'string' && !key.includes(':')
    return isName ? keyOfName(sessionKeyParts(this.key).agentId, key) : parseSessionKey(key)
  }

  /**
   * Resolves with the session as plain JSON: its whole transcript with the data of its attachments, and the summary that the model sees. A note stands in
   * the place of an attachment that cannot be read. Rejects with `unknown-session`.
   */
  async export(): Promise<SessionExport> {
    return this.#door.whole(await this.#exportUpTo(Number.MAX_SAFE_INTEGER))
  }

  /**
   * Resolves with an attachment of the session: `id` is the `blob` of an image or a text in a message of the history or an event. Resolves with undefined
   * for one that the session does not have. The bytes are read from the store beside the session, which is not woken for it. Their iteration throws
   * `log-corrupt` when they are damaged, before the last piece. Rejects with `invalid-id`.
   *
   * @example
   * const image = await session.attachment(part.blob)
   * if (image !== undefined) for await (const piece of image.bytes) response.write(piece)
   */
  async attachment(id: string): Promise<StoredBlob | undefined> {
    checkBlobId(id)
    return this.#door.attachment(id)
  }

  /**
   * Begins this session with a conversation from elsewhere: messages, or the result of `export()`. Resolves once all of it is durable. Rejects with
   * `session-exists` when the session has a message or settings, `invalid-message` with the path of the value, `invalid-option` for invalid settings,
   * `document-too-large` and `unknown-agent`.
   *
   * @example
   * await running.session('agent:main:copy').import(await session.export())
   */
  async import(conversation: SessionImport): Promise<void> {
    return this.#begin(conversation)
  }

  async #begin(conversation: SessionImport, forkOf?: SessionKey): Promise<void> {
    const { settings, ...checked } = checkedImport(conversation, forkOf !== undefined)
    const changes = checkChanges(settings, this.#access.providers, 'import')
    this.#access.router.checkTakesMessages()
    const own = forkOf === undefined ? {} : { forkOf }
    await this.#access.router.begin(this.key, { type: 'import', ...checked, settings: withoutNulls(changes), ...own })
  }

  /** Resolves with the session's present activity; starts the session if it is not running. Rejects with `unknown-session`. */
  inspect(): Promise<SessionInspection> {
    return this.#door.ask<SessionInspection>({ type: 'inspect' })
  }

  /** Returns the stream of a call. When the call refuses its input, returns a stream that rejects with the reason. */
  #streamOrRefusal<TOutput>(owner: string, call: () => RunStream<TOutput>): RunStream<TOutput> {
    try {
      return guardedRead(owner, 'options', call)
    } catch (error) {
      return this.#door.stream<TOutput>(this.#newRunId() as RunId, () => Promise.reject(error))
    }
  }

  #newRunId(): string {
    return this.#access.services.ids.next('run')
  }

  #checkDepth(): void {
    const { maxCallDepth } = this.#access
    if (this.#depth <= maxCallDepth) return
    const problem = `${this.#depth} sessions would wait for each other, and ${maxCallDepth} may: agents call each other without an end`
    throw new BeamClawError('call-depth', `${problem}. Answer without asking another agent.`, {
      details: { sessionKey: this.key, depth: this.#depth, maxCallDepth },
    })
  }

  /** Asks for a corrected answer. If another process has sent a repair with different content, follows that one. */
  async #repair<TOutput>(
    runId: RunId,
    problem: string,
    { toolChoice: _, ...options }: SendOptions<TOutput>,
  ): Promise<RunStream<TOutput> | undefined> {
    const key = parseRepairId(runId)
    const { output } = options
    if (key === undefined || output === undefined) return undefined
    // Uses the model, settings and context of the message.
    const run = this.#send<TOutput>(repairRequest(problem), { ...options, idempotencyKey: key, queueMode: 'queue', repair: false })
    try {
      await run.accepted
      return run
    } catch (error) {
      if (BeamClawError.isInstance(error, 'idempotency-mismatch')) return this.follow(key, { output })
      throw error
    }
  }

  #exportUpTo(atMessage: number): Promise<SessionExport> {
    return this.#door.ask<SessionExport>({ type: 'export', atMessage })
  }
}
