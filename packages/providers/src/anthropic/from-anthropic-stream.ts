/** Converts a Messages API stream to BeamClaw parts. Pure. */
import { type FinishReason, type ProviderPart, type Usage, zeroUsage } from '@beamclaw/core'
import type { AnswerReader } from '../shared/answer-reader.ts'
import { type FailureContext, protocolError, serviceError } from '../shared/failure.ts'
import type { ServerSentEvent } from '../shared/sse.ts'
import type { ToolIds } from '../shared/tool-ids.ts'
import { checkShape, parseJson, toToolCall } from '../shared/wire-format.ts'
import {
  type AnthropicContentBlock,
  type AnthropicEvent,
  type AnthropicUsage,
  anthropicEvent,
  anthropicEventTypes,
  readAnthropicError,
} from './anthropic-api.ts'

const finishReasons: ReadonlyMap<string, FinishReason> = new Map([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['tool_use', 'tool-calls'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['refusal', 'content-filter'],
])

type OpenBlock =
  | { readonly type: 'text' | 'ignored' }
  | { readonly type: 'thinking'; signature: string }
  | { readonly type: 'tool'; readonly id: string; readonly name: string; readonly input: unknown; inputText: string }

export class AnthropicStreamReader implements AnswerReader {
  isDone = false
  readonly #failures: FailureContext
  readonly #service: string
  readonly #ids: ToolIds
  readonly #blocks = new Map<number, OpenBlock>()
  readonly #calls: Extract<OpenBlock, { type: 'tool' }>[] = []
  #stopReason: string | undefined
  #usage: Usage = zeroUsage
  #hasText = false

  /** `service` is the name under which the signatures of thinking are kept. */
  constructor(failures: FailureContext, ids: ToolIds, service: string) {
    this.#failures = failures
    this.#service = service
    this.#ids = ids
  }

  get isFinished(): boolean {
    return this.#stopReason !== undefined
  }

  *read({ event: eventName, data }: ServerSentEvent): Generator<ProviderPart, void, undefined> {
    const failures = this.#failures
    const value = parseJson(failures.name, data)
    const type: unknown = typeof value === 'object' && value !== null && 'type' in value ? value.type : eventName
    // `ping`, and later additions to the protocol.
    if (!anthropicEventTypes.has(type)) return
    const event = checkShape(failures.name, anthropicEvent, value)
    switch (type) {
      case 'error':
        throw serviceError(failures, readAnthropicError(value))
      case 'message_start':
        this.#count(event.message?.usage)
        return
      case 'content_block_start':
        if (event.content_block) yield* this.#start(event.index ?? 0, event.content_block)
        return
      case 'content_block_delta':
        if (event.delta) yield* this.#add(event.index ?? 0, event.delta)
        return
      case 'content_block_stop':
        yield* this.#stop(event.index ?? 0)
        return
      case 'message_delta':
        this.#count(event.usage)
        this.#stopReason = event.delta?.stop_reason ?? this.#stopReason
        return
      case 'message_stop':
        this.isDone = true
        return
      case 'message':
        yield* this.#readWhole(event)
    }
  }

  *finish(): Generator<ProviderPart, void, undefined> {
    const failures = this.#failures
    const hasAnything = this.#hasText || this.#calls.length > 0
    if (this.#stopReason === undefined && !(this.isDone && hasAnything)) {
      throw protocolError(failures.name, 'the stream ended before the answer was finished')
    }
    for (const index of [...this.#blocks.keys()]) yield* this.#stop(index)
    const reason = finishReasons.get(this.#stopReason ?? '') ?? 'other'
    // A truncated call must neither run nor get a result; only these reasons truncate.
    const isCut = reason === 'length' || reason === 'content-filter' || this.#stopReason === undefined
    let hasCalls = false
    for (const block of this.#calls) {
      const inputText = block.inputText !== '' ? block.inputText : hasFields(block.input) ? JSON.stringify(block.input) : ''
      const call = toToolCall(block.id, block.name, inputText)
      if (isCut && (call.invalidInput !== undefined || inputText === '')) continue
      hasCalls = true
      yield call
    }
    yield { type: 'finish', reason: reasonOf(reason, hasCalls), usage: this.#usage }
  }

  *#readWhole({ content, stop_reason, usage }: AnthropicEvent): Generator<ProviderPart, void, undefined> {
    for (const [index, block] of (content ?? []).entries()) {
      yield* this.#start(index, block)
      yield* this.#stop(index)
    }
    this.#count(usage)
    this.#stopReason = stop_reason ?? undefined
    this.isDone = true
  }

  *#start(index: number, block: AnthropicContentBlock): Generator<ProviderPart, void, undefined> {
    switch (block.type) {
      case 'text':
        this.#blocks.set(index, { type: 'text' })
        yield* this.#text(block.text)
        return
      case 'thinking':
        this.#blocks.set(index, { type: 'thinking', signature: block.signature ?? '' })
        if (block.thinking) yield { type: 'thinking-delta', text: block.thinking }
        return
      case 'redacted_thinking':
        this.#blocks.set(index, { type: 'ignored' })
        yield { type: 'thinking-end', providerMetadata: { [this.#service]: { redacted: block.data ?? '' } } }
        return
      case 'tool_use': {
        if (!block.name) throw protocolError(this.#failures.name, 'the answer holds a tool call without a name')
        const call = {
          type: 'tool' as const,
          id: this.#ids.claim(block.id ?? undefined),
          name: block.name,
          input: block.input,
          inputText: '',
        }
        this.#blocks.set(index, call)
        this.#calls.push(call)
        yield { type: 'tool-call-start', id: call.id, name: call.name }
        return
      }
      default:
        this.#blocks.set(index, { type: 'ignored' })
    }
  }

  *#add(index: number, delta: NonNullable<AnthropicEvent['delta']>): Generator<ProviderPart, void, undefined> {
    const block = this.#blocks.get(index)
    switch (delta.type) {
      case 'text_delta':
        yield* this.#text(delta.text)
        return
      case 'thinking_delta':
        if (delta.thinking) yield { type: 'thinking-delta', text: delta.thinking }
        return
      case 'signature_delta':
        if (block?.type === 'thinking') block.signature += delta.signature ?? ''
        return
      case 'input_json_delta':
        if (block?.type !== 'tool' || !delta.partial_json) return
        block.inputText += delta.partial_json
        yield { type: 'tool-call-delta', id: block.id, inputText: delta.partial_json }
        return
      default:
      // Citations, and later additions to the protocol.
    }
  }

  *#stop(index: number): Generator<ProviderPart, void, undefined> {
    const block = this.#blocks.get(index)
    this.#blocks.delete(index)
    if (block?.type !== 'thinking') return
    const { signature } = block
    yield signature === '' ? { type: 'thinking-end' } : { type: 'thinking-end', providerMetadata: { [this.#service]: { signature } } }
  }

  *#text(text: string | null | undefined): Generator<ProviderPart, void, undefined> {
    if (!text) return
    this.#hasText = true
    yield { type: 'text-delta', text }
  }

  /** Takes the maximum of each field: every report is a running total of the message, and some omit fields or send 0. */
  #count(usage: AnthropicUsage | null | undefined): void {
    if (!usage) return
    this.#usage = {
      inputTokens: larger(this.#usage.inputTokens, usage.input_tokens),
      outputTokens: larger(this.#usage.outputTokens, usage.output_tokens),
      cacheReadTokens: larger(this.#usage.cacheReadTokens, usage.cache_read_input_tokens),
      cacheWriteTokens: larger(this.#usage.cacheWriteTokens, usage.cache_creation_input_tokens),
    }
  }
}

function reasonOf(reason: FinishReason, hasCalls: boolean): FinishReason {
  if (reason === 'length' || reason === 'content-filter') return reason
  if (hasCalls) return 'tool-calls'
  return reason === 'tool-calls' ? 'other' : reason
}

function hasFields(input: unknown): boolean {
  return typeof input === 'object' && input !== null && Object.keys(input).length > 0
}

function larger(known: number, reported: number | null | undefined): number {
  return Math.max(known, Math.round(reported ?? 0))
}
