/** Converts a Chat Completions stream to BeamClaw parts. Pure. */
import { type FinishReason, type JsonObject, type ProviderMetadata, type ProviderPart, type Usage, zeroUsage } from '@beamclaw/core'
import type { AnswerReader } from '../shared/answer-reader.ts'
import { type FailureContext, protocolError, serviceError } from '../shared/failure.ts'
import type { ServerSentEvent } from '../shared/sse.ts'
import type { ToolIds } from '../shared/tool-ids.ts'
import { checkShape, parseJson } from '../shared/wire-format.ts'
import type { ChatStyle } from './chat-style.ts'
import { type OpenAiContentPart, type OpenAiMessagePiece, openAiChunk } from './openai-api.ts'
import { readOpenAiError } from './openai-errors.ts'
import { usageIn, usageOf } from './openai-usage.ts'
import { ReasoningDetails } from './reasoning-details.ts'
import { FlaggedThoughts, type SplitPiece, ThinkTags, type ThoughtSplitter } from './thought-tags.ts'
import { ToolCallCollector } from './tool-call-collector.ts'
import { usualChunk } from './usual-chunk.ts'

const finishReasons: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
  // Mistral
  ['model_length', 'length'],
  ['tool_calls', 'tool-calls'],
  ['function_call', 'tool-calls'],
  ['content_filter', 'content-filter'],
])

/** Finish reasons of answers that the service broke off: OpenRouter's and Mistral's, and DeepSeek's. */
const brokenOff: ReadonlySet<string> = new Set(['error', 'insufficient_system_resource'])

export class OpenAiStreamReader implements AnswerReader {
  isDone = false
  readonly #failures: FailureContext
  readonly #style: ChatStyle
  readonly #model: string
  readonly #calls: ToolCallCollector
  readonly #details = new ReasoningDetails()
  readonly #splitter: ThoughtSplitter | undefined
  #finishReason: string | undefined
  #usage: Usage = zeroUsage
  #isThinking = false
  #isClosed = false
  #hasText = false
  #isRefusal = false

  /** @param model the one that was asked, which alone understands the details of its reasoning */
  constructor(failures: FailureContext, ids: ToolIds, style: ChatStyle, model: string) {
    this.#failures = failures
    this.#style = style
    this.#model = model
    this.#calls = new ToolCallCollector(ids, style.service, (what) => protocolError(failures.name, what))
    this.#splitter = style.dialect.hasFlaggedThoughts ? new FlaggedThoughts() : style.splitThink ? new ThinkTags() : undefined
  }

  get isFinished(): boolean {
    return this.#finishReason !== undefined
  }

  read({ event, data }: ServerSentEvent): Iterable<ProviderPart> {
    if (data.trim() === '[DONE]') {
      this.isDone = true
      return []
    }
    const failures = this.#failures
    const value = parseJson(failures.name, data)
    if (event === 'error') throw serviceError(failures, readOpenAiError(value))
    const chunk = usualChunk(value) ?? checkShape(failures.name, openAiChunk, value)
    if (isError(chunk.error)) throw serviceError(failures, readOpenAiError(value))
    // Servers that count as they go repeat the usage; the last one is the total.
    const usage = usageIn(chunk)
    if (usage !== undefined) this.#usage = usageOf(usage, this.#style.dialect.reasoningTokens)
    const parts: ProviderPart[] = []
    for (const choice of chunk.choices ?? []) {
      if ((choice.index ?? 0) !== 0) continue
      const piece = choice.delta ?? choice.message
      if (piece) this.#readPiece(piece, parts)
      if (choice.finish_reason) this.#finishReason = choice.finish_reason
    }
    return parts
  }

  #readPiece(piece: OpenAiMessagePiece, parts: ProviderPart[]): void {
    this.#addThinking(piece.reasoning_content || piece.reasoning || piece.reasoning_text, parts)
    if (piece.reasoning_details) this.#details.add(piece.reasoning_details)
    if (piece.refusal) {
      this.#isRefusal = true
      this.#addText(piece.refusal, parts)
    }
    const { content } = piece
    if (typeof content === 'string') this.#addContent(content, piece.extra_content, parts)
    else if (content) this.#addContentParts(content, parts)
    for (const call of piece.tool_calls ?? []) {
      this.#endThinking(parts)
      for (const part of this.#calls.add(call)) parts.push(part)
    }
  }

  #addContent(content: string, extra: OpenAiMessagePiece['extra_content'], parts: ProviderPart[]): void {
    if (content === '') return
    if (this.#splitter === undefined) return this.#addText(content, parts)
    const google = extra?.google as { readonly thought?: unknown } | null | undefined
    this.#addSplit(this.#splitter.add(content, google?.thought === true), parts)
  }

  #addSplit(pieces: readonly SplitPiece[], parts: ProviderPart[]): void {
    for (const { isThought, text } of pieces) {
      if (isThought) this.#addThinking(text, parts)
      else this.#addText(text, parts)
    }
  }

  #addContentParts(content: readonly OpenAiContentPart[], parts: ProviderPart[]): void {
    let text = ''
    for (const part of content) {
      text += part.text ?? ''
      if (part.type !== 'thinking') continue
      this.#addText(text, parts)
      text = ''
      const { thinking, closed } = part
      this.#addThinking(typeof thinking === 'string' ? thinking : (thinking ?? []).map((one) => one.text ?? '').join(''), parts)
      if (closed === true) this.#isClosed = true
    }
    this.#addText(text, parts)
  }

  #addThinking(text: string | null | undefined, parts: ProviderPart[]): void {
    if (!text) return
    this.#isThinking = true
    parts.push({ type: 'thinking-delta', text })
  }

  #addText(text: string, parts: ProviderPart[]): void {
    if (text === '') return
    this.#endThinking(parts)
    this.#hasText = true
    parts.push({ type: 'text-delta', text })
  }

  #endThinking(parts: ProviderPart[]): void {
    if (!this.#isThinking) return
    this.#isThinking = false
    const mark = this.#mark()
    parts.push(mark === undefined ? { type: 'thinking-end' } : { type: 'thinking-end', providerMetadata: this.#kept(mark) })
    this.#isClosed = false
  }

  /** Returns what says later that thinking is this service's own, where it goes back. */
  #mark(): JsonObject | undefined {
    const { reasoning } = this.#style
    if (reasoning.in === 'field') return { field: reasoning.field }
    if (reasoning.in === 'content') return this.#isClosed ? { closed: true } : {}
    return undefined
  }

  #kept(data: JsonObject): ProviderMetadata {
    return { [this.#style.service]: data }
  }

  finish(): Iterable<ProviderPart> {
    const failures = this.#failures
    const finishReason = this.#finishReason
    if (finishReason !== undefined && brokenOff.has(finishReason)) throw serviceError(failures, { codes: [finishReason] })
    const parts: ProviderPart[] = []
    this.#addSplit(this.#splitter?.end() ?? [], parts)
    const hasAnything = this.#hasText || this.#calls.size > 0
    // `[DONE]` after an answer also means that it is finished; after an empty stream it does not.
    if (finishReason === undefined && !(this.isDone && hasAnything)) {
      throw protocolError(failures.name, 'the stream ended before the answer was finished')
    }
    if (this.#calls.hasNameless) throw protocolError(failures.name, 'the answer holds a tool call without a name')
    const reason = finishReasons.get(finishReason ?? '') ?? 'other'
    // Without a finish reason the last call may be incomplete.
    const isCut = reason === 'length' || reason === 'content-filter' || finishReason === undefined
    this.#endThinking(parts)
    const calls = this.#calls.finish(isCut)
    const details = this.#details.whole()
    parts.push(...calls, {
      type: 'finish',
      reason: this.#reasonOf(reason, calls.length > 0),
      usage: this.#usage,
      ...(details === undefined ? {} : { providerMetadata: this.#kept({ model: this.#model, reasoning_details: details }) }),
    })
    return parts
  }

  /** Some servers say `stop` and call tools, others say `tool_calls` and call none. */
  #reasonOf(reason: FinishReason, hasCalls: boolean): FinishReason {
    if (reason === 'length' || reason === 'content-filter') return reason
    if (hasCalls) return 'tool-calls'
    if (this.#isRefusal) return 'content-filter'
    return reason === 'tool-calls' ? 'other' : reason
  }
}

/** Gateways write `false`, an empty text or an empty object where there is no error. */
function isError(error: unknown): boolean {
  return typeof error === 'object' && error !== null ? Object.keys(error).length > 0 : Boolean(error)
}
