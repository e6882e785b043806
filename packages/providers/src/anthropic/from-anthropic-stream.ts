/** Converts a Messages API stream to BeamClaw parts. Pure. */
import { BeamClawError, type FinishReason, type JsonObject, type ProviderPart, type Usage, zeroUsage } from '@beamclaw/core'
import type { AnswerReader } from '../shared/answer-reader.ts'
import { type FailureContext, protocolError, serviceError } from '../shared/failure.ts'
import { countIn, objectOf } from '../shared/fields.ts'
import type { ServerSentEvent } from '../shared/sse.ts'
import type { ToolIds } from '../shared/tool-ids.ts'
import { checkShape, parseJson } from '../shared/wire-format.ts'
import { type AnthropicEvent, anthropicEvent, anthropicEventTypes, readAnthropicError } from './anthropic-api.ts'
import { AnthropicBlocks } from './anthropic-blocks.ts'
import { kept } from './kept.ts'
import { usualDelta } from './usual-delta.ts'

const finishReasons: ReadonlyMap<string, FinishReason> = new Map([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['tool_use', 'tool-calls'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['refusal', 'content-filter'],
])

export class AnthropicStreamReader implements AnswerReader {
  isDone = false
  readonly #failures: FailureContext
  readonly #service: string
  readonly #blocks: AnthropicBlocks
  #hasBegun = false
  #stopReason: string | undefined
  #stopDetails: JsonObject | undefined
  #usage: Usage = zeroUsage

  /** `service` is the name under which what must go back is kept. */
  constructor(failures: FailureContext, ids: ToolIds, service: string) {
    this.#failures = failures
    this.#service = service
    this.#blocks = new AnthropicBlocks(failures, ids, service)
  }

  get isFinished(): boolean {
    return this.#stopReason !== undefined
  }

  /** True when the service has paused its answer and wants to be asked to go on. */
  get isPaused(): boolean {
    return this.#stopReason === 'pause_turn'
  }

  read({ event: eventName, data }: ServerSentEvent): readonly ProviderPart[] {
    const failures = this.#failures
    const value = parseJson(failures.name, data)
    if (typeof value !== 'object' || value === null) return []
    const fields = value as Readonly<Record<string, unknown>>
    const type = fields.type ?? eventName
    // `ping`, and later additions to the protocol.
    if (!anthropicEventTypes.has(type)) return []
    if (type === 'error') throw serviceError(failures, readAnthropicError(value))
    const event = usualDelta(fields) ?? checkShape(failures.name, anthropicEvent, value)
    const parts: ProviderPart[] = []
    switch (type) {
      case 'message_start':
        if (this.#hasBegun) throw protocolError(failures.name, 'a second answer began within the answer')
        this.#hasBegun = true
        this.#count(event.message?.usage)
        break
      case 'content_block_start':
        if (event.content_block) this.#blocks.start(event.index ?? 0, event.content_block, fields.content_block as JsonObject, parts)
        break
      case 'content_block_delta':
        if (event.delta) this.#blocks.add(event.index ?? 0, event.delta, parts)
        break
      case 'content_block_stop':
        this.#blocks.stop(event.index ?? 0, parts)
        break
      case 'message_delta':
        this.#count(event.usage)
        this.#stopReason = event.delta?.stop_reason ?? this.#stopReason
        this.#stopDetails = detailsOf(fields.delta) ?? this.#stopDetails
        break
      case 'message_stop':
        this.isDone = true
        break
      case 'message':
        this.#readWhole(event, fields, parts)
    }
    return parts
  }

  finish(): readonly ProviderPart[] {
    const failures = this.#failures
    if (this.#stopReason === undefined && !(this.isDone && this.#blocks.hasAnything)) {
      throw protocolError(failures.name, 'the stream ended before the answer was finished')
    }
    if (this.#stopReason === 'model_context_window_exceeded' && !this.#blocks.hasBlocks) {
      throw new BeamClawError('provider-context-overflow', `${failures.name}: the request left no room for an answer`, {
        details: { providerCode: this.#stopReason },
      })
    }
    const reason = finishReasons.get(this.#stopReason ?? '') ?? 'other'
    const parts: ProviderPart[] = []
    // A truncated call must neither run nor get a result; only these reasons truncate.
    this.#blocks.end(reason === 'length' || reason === 'content-filter' || this.#stopReason === undefined, parts)
    // The rest of a paused answer begins with a block of its own.
    if (this.isPaused) this.#blocks.endText(parts)
    const details = kept(this.#service, this.#stopDetails === undefined ? {} : { stopDetails: this.#stopDetails })
    parts.push({ type: 'finish', reason: reasonOf(reason, this.#blocks.hasCalls), usage: this.#usage, ...details })
    return parts
  }

  #readWhole({ content, stop_reason, usage }: AnthropicEvent, fields: Readonly<Record<string, unknown>>, parts: ProviderPart[]): void {
    const raw = fields.content as readonly JsonObject[] | undefined
    for (const [index, block] of (content ?? []).entries()) {
      this.#blocks.start(index, block, raw?.[index] ?? {}, parts)
      this.#blocks.stop(index, parts)
    }
    this.#count(usage)
    this.#stopReason = stop_reason ?? undefined
    this.#stopDetails = detailsOf(fields)
    this.isDone = true
  }

  /** Takes the maximum of each field: every report is a running total of the message, and some omit fields or send 0. */
  #count(reported: unknown): void {
    const usage = objectOf(reported)
    if (usage === undefined) return
    const known = this.#usage
    const reasoningTokens = larger(known.reasoningTokens ?? 0, objectOf(usage.output_tokens_details)?.thinking_tokens)
    const longCacheWriteTokens = larger(known.longCacheWriteTokens ?? 0, objectOf(usage.cache_creation)?.ephemeral_1h_input_tokens)
    this.#usage = {
      inputTokens: larger(known.inputTokens, usage.input_tokens),
      outputTokens: larger(known.outputTokens, usage.output_tokens),
      cacheReadTokens: larger(known.cacheReadTokens, usage.cache_read_input_tokens),
      cacheWriteTokens: larger(known.cacheWriteTokens, usage.cache_creation_input_tokens),
      ...(reasoningTokens === 0 ? {} : { reasoningTokens }),
      ...(longCacheWriteTokens === 0 ? {} : { longCacheWriteTokens }),
    }
  }
}

/** Why the service refused, for people to read. */
function detailsOf(delta: unknown): JsonObject | undefined {
  const { stop_details } = (delta ?? {}) as { readonly stop_details?: unknown }
  return typeof stop_details === 'object' && stop_details !== null ? (stop_details as JsonObject) : undefined
}

function reasonOf(reason: FinishReason, hasCalls: boolean): FinishReason {
  if (reason === 'length' || reason === 'content-filter') return reason
  if (hasCalls) return 'tool-calls'
  return reason === 'tool-calls' ? 'other' : reason
}

function larger(known: number, reported: unknown): number {
  return Math.max(known, countIn(reported))
}
