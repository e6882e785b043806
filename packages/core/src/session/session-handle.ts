/** One conversation, from outside. */

import { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import { parseRunId, parseSessionKey, type RunId, type SessionKey, sessionKeyParts } from '../base/ids.ts'
import type { UserMessage } from '../base/messages.ts'
import { aBoolean, aSignal, checkOptions, guardedRead, integer, readOptions, text } from '../base/options.ts'
import { aStandardSchema } from '../tool/standard-schema.ts'
import type { RunStream } from './run/run-stream.ts'
import { repairRequest } from './run/structured-output.ts'
import { newMessageOf, type SendOptions, type SendRest } from './send-options.ts'
import { type SessionAccess, SessionDoor } from './session-door.ts'
import type { FollowOptions, ForkOptions, SubscribeToSessionOptions } from './session-handle-options.ts'
import { keyOfName, sessionTopic } from './session-names.ts'
import type { AbortReceipt, SendReceipt, SessionHistory, SessionInspection } from './session-replies.ts'
import { patient } from './session-router.ts'
import { checkChanges, type SessionSettings, type SessionSettingsPatch, withoutNulls } from './session-settings.ts'
import { checkedImport, type SessionExport, type SessionImport } from './session-transfer.ts'
import type { DeadLetter } from './state/known-run.ts'

/**
 * A handle on one session: sends messages, follows runs and reads the history. Nothing starts before it is used. `TContext` is the `context` of its agent's
 * messages, where the handle was asked for by the agent.
 *
 * @example
 * const session = running.session('agent:main:chat-7')
 * const { text } = await session.send('Hello').result()
 */
export class SessionHandle<TContext = unknown> {
  readonly key: SessionKey
  readonly #access: SessionAccess
  readonly #door: SessionDoor

  // Sessions above this one that wait for what it is sent.
  readonly #depth: number

  constructor(key: SessionKey, access: SessionAccess, depth = 0) {
    this.#depth = depth
    this.key = key
    this.#access = access
    this.#door = new SessionDoor(key, access)
  }

  /**
   * Sends a user's message, which begins a run. Never throws: `accepted`, the result, an iteration and a response of the stream reject with what is
   * wrong. `accepted` resolves once the message is durable. Rejects `invalid-message`, with the place, for content that is not text or parts of text and
   * images, and for a `context` that is not JSON or does not fit the agent's schema; `document-too-large` for its size; `invalid-option`, also for tools
   * that the agent has not and for an `output` that cannot be written as JSON Schema; `invalid-id` for the key; `idempotency-mismatch` when the key
   * belongs to a message with another content; `unknown-agent`, `session-busy`, `overloaded`, `call-depth`, `call-aborted` and `draining`.
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
      // What a run under way asks for is part of it: a node that is about to stop waits for that run.
      if (this.#depth === 0) router.checkTakesMessages()
      const { signal } = options
      const checked = await router.checkedContext(this.key, context)
      if (signal?.aborted === true) throw new BeamClawError('call-aborted', 'send: its signal was aborted before', { cause: signal.reason })
      const call = (): Promise<SendReceipt> => router.begin<SendReceipt>(this.key, { ...message, ...checked }, 'work')
      return signal === undefined ? call() : this.#door.sendWithSignal(runId, signal, call)
    }
    if (output === undefined) return this.#door.stream(runId, send)
    return this.#door.stream(runId, send, output, repair ? (problem) => this.#repair(runId, problem, options) : undefined)
  }

  /**
   * Follows a run that was begun elsewhere, by its idempotency key. Never throws: the stream rejects `unknown-session`, `unknown-run`, `invalid-option`
   * and `invalid-id`.
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

  /** Messages whose runs were given up because they took the session down each time, the oldest first; the last hundred are kept. */
  deadLetters(): Promise<readonly DeadLetter[]> {
    return this.#door.ask<readonly DeadLetter[]>({ type: 'dead-letters' })
  }

  /**
   * Sends the message of a run that was given up once more, under a new key: by default the old one with `:redrive` at its end, so that a
   * repeat gets the same run. Never throws: the stream rejects `unknown-run` when `runId` is no dead letter, `invalid-option` and `invalid-id`.
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
      return (await this.#door.session()).call({ type: 'redrive', runId: given, newRunId }, patient) as Promise<SendReceipt>
    }
    return this.#door.stream(newRunId, send)
  }

  /** Ends a run, waiting or under way; without a name the one under way. Does nothing for a run that is over. */
  async abort(runId?: string): Promise<AbortReceipt> {
    return this.#door.ask<AbortReceipt>({ type: 'abort', runId: runId === undefined ? undefined : parseRunId(runId) })
  }

  /** The conversation, and the runs that are not over. */
  async history(given: { /** The last so many messages. @default all */ readonly limit?: number } = {}): Promise<SessionHistory> {
    const options = readOptions('history', given)
    checkOptions<typeof options>('history', options, { limit: integer(0) })
    return this.#door.ask<SessionHistory>({ type: 'history', limit: options.limit ?? Number.POSITIVE_INFINITY })
  }

  /**
   * Changes settings of this session; `null` takes one back. Resolves with all of them. They hold from the next step of its run on. Rejects
   * `invalid-option`, also for a `model` whose provider is not configured.
   */
  async configure(changes: SessionSettingsPatch): Promise<SessionSettings> {
    const checked = checkChanges(changes, this.#access.providers)
    return this.#access.router.begin<SessionSettings>(this.key, { type: 'configure', changes: checked })
  }

  /**
   * The session's events: those its journal still has from `fromSeq` on, then those that happen. Leave the loop, or abort `signal`, to end
   * it. The iteration throws `unknown-session`, unless `waitForFirstMessage`; and `subscriber-lagged` when a snapshot has taken the place of
   * events that the reader has not got, with the first one that is there as `details.cursor`: read `history()`, and subscribe from there. Throws
   * `invalid-option`.
   */
  subscribe(fromSeq = 1, given: SubscribeToSessionOptions = {}): AsyncIterable<RunEvent> {
    checkOptions('subscribe', { fromSeq }, { fromSeq: integer(0) })
    const options = readOptions('subscribe', given)
    checkOptions<SubscribeToSessionOptions>('subscribe', options, { signal: aSignal, waitForFirstMessage: aBoolean })
    const { waitForFirstMessage = false, ...rest } = options
    const feed = this.#door.feed(sessionTopic(this.#access.id, this.key), rest)
    const events = feed.from(fromSeq, { waitForFirstMessage })
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => events.next(),
        // Also one that has not begun has its place on the bus.
        return: async () => {
          await feed.stop()
          return events.return(undefined)
        },
      }),
    }
  }

  /** Returns true for a session that was begun, by a message, settings or an import that is durable; begins none. Rejects as the store does. */
  exists(): Promise<boolean> {
    return this.#access.router.exists(this.key)
  }

  /**
   * Deletes the session: its journal and its settings. Resolves once that is durable, also for a session that is not there; a crash leaves it whole or
   * deleted. Feeds of it end with `unknown-session`, and the next message begins a new session, which knows no key of before. Its agent need not be
   * configured any more. Rejects `session-busy` while a run is under way or waits.
   *
   * @example
   * await running.session('agent:main:old').delete()
   */
  delete(): Promise<void> {
    return this.#access.router.delete(this.key)
  }

  /**
   * Takes back all but the oldest `toMessage` messages of `history()`. Resolves with the number that stays: fewer when the cut would part a tool call from
   * its result. Keys of earlier messages stay known, and what extensions have made of their records stays. Rejects `session-busy` while a run is under way or waits, `invalid-option` and `unknown-session`.
   *
   * @example
   * const { total } = await session.history()
   * await session.rewind(total - 2) // takes back the last question and its answer
   */
  async rewind(toMessage: number): Promise<number> {
    checkOptions('rewind', { toMessage }, { toMessage: integer(0) }, ['toMessage'])
    return this.#door.ask<number>({ type: 'rewind', toMessage })
  }

  /**
   * Begins another session with the history of this one so far, and with its settings. Resolves with its handle; nothing of it is there before all is durable.
   * A run under way here goes on, and what it has said already is copied. A name without a colon is a session of the agent of this one's key. Rejects `session-exists` when the other session has a message or settings,
   * `unknown-session`, `unknown-agent`, `document-too-large`, `invalid-session-key` and `invalid-option`.
   *
   * @example
   * const branch = await session.fork('agent:main:branch', { atMessage: 4 })
   */
  async fork(key: string, given: ForkOptions = {}): Promise<SessionHandle> {
    const options = readOptions('fork', given)
    checkOptions<ForkOptions>('fork', options, { atMessage: integer(0) })
    const branch = new SessionHandle(this.#branchKey(key), this.#access, this.#depth)
    await branch.import(await this.#exportUpTo(options.atMessage ?? Number.POSITIVE_INFINITY))
    return branch
  }

  #branchKey(key: string): SessionKey {
    const isName = typeof key === 'string' && !key.includes(':')
    return isName ? keyOfName(sessionKeyParts(this.key).agentId, key) : parseSessionKey(key)
  }

  /** Resolves with the session as plain JSON. Rejects `unknown-session`. */
  export(): Promise<SessionExport> {
    return this.#exportUpTo(Number.POSITIVE_INFINITY)
  }

  /**
   * Begins this session with a conversation from elsewhere: messages, or what `export()` gave. Resolves once all of it is durable. Rejects `session-exists` when
   * the session has a message or settings, `invalid-message` with the place, `invalid-option` for settings that cannot be, `document-too-large` and `unknown-agent`.
   *
   * @example
   * await running.session('agent:main:copy').import(await session.export())
   */
  async import(conversation: SessionImport): Promise<void> {
    const { messages, settings } = checkedImport(conversation)
    const changes = checkChanges(settings, this.#access.providers, 'import')
    this.#access.router.checkTakesMessages()
    await this.#access.router.begin(this.key, { type: 'import', messages, settings: withoutNulls(changes) })
  }

  /** What the session is doing; starts it when it is not up. Rejects `unknown-session`. */
  inspect(): Promise<SessionInspection> {
    return this.#door.ask<SessionInspection>({ type: 'inspect' })
  }

  /** Returns the stream of a call; where its input is refused, one that rejects with the reason. */
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

  /** Asks for the answer once more; a repair that another process has begun with other words is followed. */
  async #repair<TOutput>(
    runId: RunId,
    problem: string,
    { toolChoice: _, ...options }: SendOptions<TOutput>,
  ): Promise<RunStream<TOutput> | undefined> {
    const key = parseRepairId(runId)
    const { output } = options
    if (key === undefined || output === undefined) return undefined
    // With the same model, settings and context as the message.
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

/** Returns the key of the message that asks for an answer once more; undefined where it would be too long. */
function parseRepairId(runId: RunId): RunId | undefined {
  const key = `${runId}:repair`
  return key.length <= 256 ? parseRunId(key) : undefined
}
