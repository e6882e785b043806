/** One conversation, from outside. */

import { aTemperature, aToolChoice, modelRule } from '../agent/agent.ts'
import { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import { parseRunId, type RunId, type SessionKey, type TenantId } from '../base/ids.ts'
import { type Fail, jsonOf, newContentOf } from '../base/message-check.ts'
import type { JsonObject, JsonValue, UserMessage } from '../base/messages.ts'
import { aBoolean, anObject, anything, aSignal, checkOptions, definedOnly, integer, oneOf, text } from '../base/options.ts'
import { encodeJson } from '../defaults/json-text.ts'
import type { SystemServices } from '../defaults/services.ts'
import type { EventBus } from '../ports/event-bus.ts'
import type { ThinkingLevel, ToolChoice } from '../ports/provider.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import type { RunWaits } from '../tool/run-waits.ts'
import { aStandardSchema, jsonSchemaOf, type StandardSchema } from '../tool/standard-schema.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { QueueMode, RunSettings } from './journal/records.ts'
import { type Repair, RunStream } from './run/run-stream.ts'
import { repairRequest } from './run/structured-output.ts'
import type { SessionMessage } from './session.ts'
import { committedTopic, sessionTopic } from './session-dependencies.ts'
import { SessionFeed } from './session-feed.ts'
import type { AbortReceipt, SendReceipt, SessionHistory, SessionInspection } from './session-replies.ts'
import type { SessionRouter } from './session-router.ts'
import { checkChanges, type SessionSettings, type SessionSettingsPatch } from './session-settings.ts'
import type { DeadLetter } from './state/known-run.ts'

/** Options of `SessionHandle.send`. */
export interface SendOptions<TOutput = undefined> {
  /** A repeat with the same key gets the same run. 1 to 256 printable ASCII characters. @default a new one */
  readonly idempotencyKey?: string
  /** What the message does when the session is busy. @default as the session or the BeamClaw is configured, else 'queue' */
  readonly queueMode?: QueueMode
  /** JSON of at most 256 KiB for the run's tools, hooks and system function; durable with the message. @default none */
  readonly context?: JsonValue
  /** Aborts the run. @default none */
  readonly signal?: AbortSignal
  /** `<provider>/<model>`. @default the session's, else the agent's */
  readonly model?: string
  readonly thinking?: ThinkingLevel
  readonly temperature?: number
  readonly maxOutputTokens?: number
  readonly toolChoice?: ToolChoice
  /** Names of the agent's tools that the run may use. @default all */
  readonly tools?: readonly string[]
  /** Asks for JSON of this shape; `result()` then has it as `output`. @default free text */
  readonly output?: StandardSchema<TOutput>
  /** JSON Schema for the model. @default what `output` says of itself */
  readonly outputSchema?: JsonObject
  /**
   * When the answer does not fit `output`, `result()` sends one more message under the key `<key>:repair`, with what is wrong, and takes that
   * answer. @default true
   */
  readonly repair?: boolean
}

/** Options of `SessionHandle.follow`. */
export interface FollowOptions<TOutput = undefined> {
  /** Reads the answer by this schema; it was asked for with the message. A repair that its sender has begun is waited for. @default free text */
  readonly output?: StandardSchema<TOutput>
}

export interface SubscribeToSessionOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal
  /** A session that does not exist yet is waited for, instead of refused. @default false */
  readonly waitForFirstMessage?: boolean
}

/** What a handle works with. */
export interface SessionAccess {
  /** The tenant. */
  readonly id: TenantId
  readonly router: SessionRouter
  readonly waits: RunWaits
  readonly events: EventBus<RunEvent>
  readonly providers: ProviderTable
  readonly services: SystemServices
}

const invalidMessage: Fail = (problem) => new BeamClawError('invalid-message', `send: ${problem}`)

/** A session may have to read a long journal before it answers. */
export const patient = { timeoutMs: 60_000 }

/**
 * A handle on one session: sends messages, follows runs and reads the history. Nothing starts before it is used.
 *
 * @example
 * const session = running.session('agent:main:chat-7')
 * const { text } = await session.send('Hello').result()
 */
export class SessionHandle {
  readonly key: SessionKey
  readonly #access: SessionAccess

  constructor(key: SessionKey, access: SessionAccess) {
    this.key = key
    this.#access = access
  }

  /**
   * Sends a user's message, which begins a run. The stream's `accepted` resolves once the message is durable; it rejects
   * `idempotency-mismatch` when the key belongs to a message with another content. Throws `invalid-message`, with the place, for content
   * that is not text or parts of text and images; `invalid-option`, also for an `output` that cannot be written as JSON Schema, with the path;
   * and `invalid-id`.
   *
   * @example
   * const { output } = await session.send('Who wrote it?', { output: z.object({ author: z.string() }) }).result()
   */
  send<TOutput = undefined>(content: UserMessage['content'], options: SendOptions<TOutput> = {}): RunStream<TOutput> {
    checkOptions<SendOptions<TOutput>>('send', options, {
      idempotencyKey: text(256),
      queueMode: oneOf('queue', 'steer', 'collect', 'interrupt', 'reject'),
      output: aStandardSchema,
      outputSchema: anObject,
      repair: aBoolean,
      context: anything,
      signal: aSignal,
      model: modelRule,
      thinking: oneOf('off', 'low', 'medium', 'high'),
      temperature: aTemperature,
      maxOutputTokens: integer(1),
      toolChoice: aToolChoice,
      tools: toolNames,
    })
    const { output, repair = true } = options
    const checked = newContentOf(content, 'content', invalidMessage)
    const { router, services } = this.#access
    const runId = parseRunId(options.idempotencyKey ?? services.ids.next('run'))
    const message: SessionMessage = {
      type: 'send',
      runId,
      message: { role: 'user', content: checked },
      fingerprint: fingerprintOf(checked),
      queueMode: options.queueMode,
      ...settingsOf(options),
      ...(output === undefined ? {} : { responseFormat: { type: 'json', schema: schemaOf(output, options.outputSchema) } }),
    }
    const context = options.context === undefined ? undefined : contextOf(options.context)
    const send = async (): Promise<SendReceipt> => {
      router.checkTakesMessages()
      const { signal } = options
      const own = await router.checkedContext(this.key, context)
      if (signal?.aborted === true) throw new BeamClawError('call-aborted', 'send: its signal was aborted before', { cause: signal.reason })
      const session = await router.begin(this.key)
      signal?.addEventListener('abort', () => void this.abort(runId).catch(() => {}), { once: true })
      return session.call(own === undefined ? message : { ...message, context: own }, patient) as Promise<SendReceipt>
    }
    if (output === undefined) return this.#stream(runId, send)
    return this.#stream(runId, send, output, repair ? (problem) => this.#repair(runId, problem, options) : undefined)
  }

  /**
   * Follows a run that was begun elsewhere, by its idempotency key. The stream rejects `unknown-session` or `unknown-run`. Throws
   * `invalid-option` and `invalid-id`.
   *
   * @example
   * const { text } = await session.follow('order-17').result()
   */
  follow<TOutput = undefined>(key: string, options: FollowOptions<TOutput> = {}): RunStream<TOutput> {
    checkOptions<FollowOptions<TOutput>>('follow', options, { output: aStandardSchema })
    const runId = parseRunId(key)
    const repaired = parseRepairId(runId)
    const find = (id: RunId) => () => this.#find(id)
    const followRepair = repaired && (() => this.#stream(repaired, find(repaired), options.output))
    return this.#stream(runId, find(runId), options.output, options.output && followRepair)
  }

  /** Messages whose runs were given up because they took the session down each time, the oldest first; the last hundred are kept. */
  deadLetters(): Promise<readonly DeadLetter[]> {
    return this.#ask<readonly DeadLetter[]>({ type: 'dead-letters' })
  }

  /**
   * Sends the message of a run that was given up once more, under a new key: by default the old one with `:redrive` at its end, so that a
   * repeat gets the same run. The stream rejects `unknown-run` when `runId` is no dead letter.
   */
  redrive(runId: string, options: { readonly idempotencyKey?: string } = {}): RunStream {
    checkOptions<typeof options>('redrive', options, { idempotencyKey: text(256) })
    const given = parseRunId(runId)
    const newRunId = parseRunId(options.idempotencyKey ?? `${given}:redrive`)
    const send = async (): Promise<SendReceipt> => {
      this.#access.router.checkTakesMessages()
      return (await this.#session()).call({ type: 'redrive', runId: given, newRunId }, patient) as Promise<SendReceipt>
    }
    return this.#stream(newRunId, send)
  }

  /** Ends a run, waiting or under way; without a name the one under way. Does nothing for a run that is over. */
  abort(runId?: string): Promise<AbortReceipt> {
    return this.#ask<AbortReceipt>({ type: 'abort', runId: runId === undefined ? undefined : parseRunId(runId) })
  }

  /** The conversation, and the runs that are not over. */
  async history(options: { /** The last so many messages. @default all */ readonly limit?: number } = {}): Promise<SessionHistory> {
    checkOptions<typeof options>('history', options, { limit: integer(0) })
    return this.#ask<SessionHistory>({ type: 'history', limit: options.limit ?? Number.POSITIVE_INFINITY })
  }

  /**
   * Changes settings of this session; `null` takes one back. Resolves with all of them. They hold from the next step of its run on. Rejects
   * `invalid-option`, also for a `model` whose provider is not configured.
   */
  async configure(changes: SessionSettingsPatch): Promise<SessionSettings> {
    checkChanges(changes, this.#access.providers)
    const session = await this.#access.router.begin(this.key)
    return session.call({ type: 'configure', changes }, { ...patient, lane: 'control' }) as Promise<SessionSettings>
  }

  /**
   * The session's events: those its journal still has from `fromSeq` on, then those that happen. Leave the loop, or abort `signal`, to end
   * it. The iteration throws `unknown-session`, unless `waitForFirstMessage`; and `subscriber-lagged` when a snapshot has taken the place of
   * events that the reader has not got, with the first one that is there as `details.cursor`: read `history()`, and subscribe from there.
   */
  subscribe(fromSeq = 1, options: SubscribeToSessionOptions = {}): AsyncIterable<RunEvent> {
    checkOptions<SubscribeToSessionOptions>('subscribe', options, { signal: aSignal, waitForFirstMessage: aBoolean })
    const { waitForFirstMessage = false, ...rest } = options
    const feed = this.#feed(sessionTopic(this.#access.id, this.key), rest)
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

  /** What the session is doing; starts it when it is not up. Rejects `unknown-session`. */
  inspect(): Promise<SessionInspection> {
    return this.#ask<SessionInspection>({ type: 'inspect' })
  }

  /** Asks for the answer once more; a repair that another process has begun with other words is followed. */
  async #repair<TOutput>(
    runId: RunId,
    problem: string,
    { output, outputSchema }: SendOptions<TOutput>,
  ): Promise<RunStream<TOutput> | undefined> {
    const key = parseRepairId(runId)
    if (key === undefined || output === undefined) return undefined
    const schema = outputSchema === undefined ? {} : { outputSchema }
    const run = this.send(repairRequest(problem), { idempotencyKey: key, queueMode: 'queue', output, ...schema, repair: false })
    try {
      await run.accepted
      return run
    } catch (error) {
      if (BeamClawError.isInstance(error, 'idempotency-mismatch')) return this.follow(key, { output })
      throw error
    }
  }

  #stream<TOutput>(
    runId: RunId,
    send: () => Promise<SendReceipt>,
    output?: StandardSchema<TOutput>,
    repair?: Repair<TOutput>,
  ): RunStream<TOutput> {
    const { clock } = this.#access.services
    return new RunStream({
      sessionKey: this.key,
      runId,
      listen: () => this.#feed(sessionTopic(this.#access.id, this.key)),
      listenToCommitted: () => this.#feed(committedTopic(this.#access.id, this.key)),
      send,
      find: () => this.#find(runId),
      abort: () => this.abort(runId),
      beginWaiting: () => this.#access.waits.begin(this.key),
      output,
      repair,
      clock,
    })
  }

  async #ask<T>(message: SessionMessage): Promise<T> {
    return (await this.#session()).call(message, { ...patient, lane: 'control' }) as Promise<T>
  }

  #find(runId: RunId): Promise<SendReceipt> {
    return this.#ask<SendReceipt>({ type: 'find', runId })
  }

  #session() {
    return this.#access.router.find(this.key)
  }

  #feed(topic: string, options: { readonly signal?: AbortSignal } = {}): SessionFeed {
    const read = (fromSeq: number): Promise<readonly RunEvent[]> => this.#ask<readonly RunEvent[]>({ type: 'read', fromSeq })
    const { events, services } = this.#access
    return new SessionFeed({ events, topic, read, clock: services.clock, ...options })
  }
}

/** What a message asks of its run; undefined where it asks for nothing. */
function settingsOf({ model, thinking, temperature, maxOutputTokens, toolChoice, tools }: SendOptions<unknown>): {
  readonly settings?: RunSettings
} {
  const settings = definedOnly({ model, thinking, temperature, maxOutputTokens, toolChoice, tools })
  return Object.keys(settings).length === 0 ? {} : { settings }
}

/** Bytes that the context of a message may have as JSON. */
const maxContextBytes = 256 * 1024

/** Returns a copy: what the host changes afterwards was not sent. Throws `invalid-message` or `document-too-large`. */
function contextOf(context: unknown): JsonValue {
  encodeJson(context, maxContextBytes)
  return jsonOf(context, 'context', invalidMessage)
}

function toolNames(value: unknown): string | undefined {
  return Array.isArray(value) && value.every((name) => typeof name === 'string') ? undefined : 'a list of names of tools'
}

function schemaOf(output: StandardSchema, given: JsonObject | undefined): JsonObject {
  return given ?? jsonSchemaOf('send', 'output', output, 'outputSchema')
}

/** Returns the key of the message that asks for an answer once more; undefined where it would be too long. */
function parseRepairId(runId: RunId): RunId | undefined {
  const key = `${runId}:repair`
  return key.length <= 256 ? parseRunId(key) : undefined
}
