/** Converts a Chat Completions stream to BeamClaw parts. Pure. */
import { type FinishReason, type ProviderPart, type Usage, zeroUsage } from '@beamclaw/core'
import type { AnswerReader } from '../shared/answer-reader.ts'
import { type FailureContext, protocolError, serviceError } from '../shared/failure.ts'
import type { ServerSentEvent } from '../shared/sse.ts'
import type { ToolIds } from '../shared/tool-ids.ts'
import { checkShape, parseJson } from '../shared/wire-format.ts'
import { type OpenAiMessagePiece, type OpenAiUsage, openAiChunk, readOpenAiError } from './openai-api.ts'
import { ToolCallCollector } from './tool-call-collector.ts'
import { usualChunk } from './usual-chunk.ts'

const finishReasons: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
  ['tool_calls', 'tool-calls'],
  ['function_call', 'tool-calls'],
  ['content_filter', 'content-filter'],
])

export class OpenAiStreamReader implements AnswerReader {
  isDone = false
  readonly #failures: FailureContext
  readonly #calls: ToolCallCollector
  #finishReason: string | undefined
  #usage: Usage = zeroUsage
  #isThinking = false
  #hasText = false
  #isRefusal = false

  constructor(failures: FailureContext, ids: ToolIds) {
    this.#failures = failures
    this.#calls = new ToolCallCollector(ids)
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
    if (chunk.error !== undefined && chunk.error !== null) throw serviceError(failures, readOpenAiError(value))
    // Servers that count as they go repeat the usage; the last one is the total.
    if (chunk.usage) this.#usage = toUsage(chunk.usage)
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
    const thinking = piece.reasoning_content || piece.reasoning
    if (thinking) {
      this.#isThinking = true
      parts.push({ type: 'thinking-delta', text: thinking })
    }
    if (piece.refusal) this.#isRefusal = true
    const text =
      (piece.refusal ?? '') +
      (typeof piece.content === 'string' ? piece.content : (piece.content ?? []).map((part) => part.text ?? '').join(''))
    if (text !== '') {
      this.#endThinking(parts)
      this.#hasText = true
      parts.push({ type: 'text-delta', text })
    }
    for (const call of piece.tool_calls ?? []) {
      this.#endThinking(parts)
      parts.push(...this.#calls.add(call))
    }
  }

  #endThinking(parts: ProviderPart[]): void {
    if (!this.#isThinking) return
    this.#isThinking = false
    parts.push({ type: 'thinking-end' })
  }

  finish(): Iterable<ProviderPart> {
    const failures = this.#failures
    if (this.#finishReason === 'error') throw serviceError(failures, { codes: ['error'] })
    const hasAnything = this.#hasText || this.#calls.size > 0
    // `[DONE]` after an answer also means that it is finished; after an empty stream it does not.
    if (this.#finishReason === undefined && !(this.isDone && hasAnything)) {
      throw protocolError(failures.name, 'the stream ended before the answer was finished')
    }
    if (this.#calls.hasNameless) throw protocolError(failures.name, 'the answer holds a tool call without a name')
    const reason = finishReasons.get(this.#finishReason ?? '') ?? 'other'
    // Without a finish reason the last call may be incomplete.
    const isCut = reason === 'length' || reason === 'content-filter' || this.#finishReason === undefined
    const parts: ProviderPart[] = []
    this.#endThinking(parts)
    const calls = this.#calls.finish(isCut)
    parts.push(...calls, { type: 'finish', reason: this.#reasonOf(reason, calls.length > 0), usage: this.#usage })
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

/** `prompt_tokens` counts cached tokens too; ours does not. */
function toUsage(usage: OpenAiUsage): Usage {
  const cacheReadTokens = count(usage.prompt_tokens_details?.cached_tokens ?? usage.prompt_cache_hit_tokens)
  const cacheWriteTokens = count(usage.prompt_tokens_details?.cache_write_tokens)
  return {
    inputTokens: Math.max(0, count(usage.prompt_tokens) - cacheReadTokens - cacheWriteTokens),
    outputTokens: count(usage.completion_tokens),
    cacheReadTokens,
    cacheWriteTokens,
  }
}

function count(value: number | null | undefined): number {
  return value !== undefined && value !== null && value > 0 ? Math.round(value) : 0
}
