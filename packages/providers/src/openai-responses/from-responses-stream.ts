/** Converts a stream of the Responses API to BeamClaw parts. Pure. */
import type { BeamClawError, FinishReason, JsonObject, ProviderPart, Usage } from '@beamclaw/core'
import type { AnswerReader } from '../shared/answer-reader.ts'
import { type FailureContext, protocolError, serviceError } from '../shared/failure.ts'
import { countIn, objectOf, objectsOf, textIn } from '../shared/fields.ts'
import type { ServerSentEvent } from '../shared/sse.ts'
import type { ToolIds } from '../shared/tool-ids.ts'
import { parseJson } from '../shared/wire-format.ts'
import { CallItem } from './call-item.ts'
import { CustomItem } from './custom-item.ts'
import { MessageItem } from './message-item.ts'
import type { DeltaKind, OutputContext, OutputEnd, OutputItem } from './output-item.ts'
import { OutputOrder, type OutputSlot } from './output-order.ts'
import { ReasoningItem } from './reasoning-item.ts'
import { explainResponsesError, readResponsesError } from './responses-errors.ts'

/** Events with a piece of text: the item and the text that it belongs to, and the field with the index of the block. */
const deltas: ReadonlyMap<string, readonly [item: string, kind: DeltaKind, indexField: string]> = new Map([
  ['response.output_text.delta', ['message', 'text', 'content_index']],
  ['response.refusal.delta', ['message', 'refusal', 'content_index']],
  ['response.reasoning_summary_text.delta', ['reasoning', 'summary', 'summary_index']],
  ['response.reasoning_text.delta', ['reasoning', 'reasoning', 'content_index']],
  ['response.function_call_arguments.delta', ['function_call', 'arguments', 'content_index']],
])

/** Events with a whole text: that of the deltas, and its own field. */
const blocks: ReadonlyMap<string, readonly [delta: string, textField: string]> = new Map([
  ['response.output_text.done', ['response.output_text.delta', 'text']],
  ['response.refusal.done', ['response.refusal.delta', 'refusal']],
  ['response.reasoning_summary_text.done', ['response.reasoning_summary_text.delta', 'text']],
  ['response.reasoning_text.done', ['response.reasoning_text.delta', 'text']],
  ['response.function_call_arguments.done', ['response.function_call_arguments.delta', 'arguments']],
])

const incompleteReasons: ReadonlyMap<string, FinishReason> = new Map([
  ['max_output_tokens', 'length'],
  // An example of OpenAI's own specification has it.
  ['max_tokens', 'length'],
  ['content_filter', 'content-filter'],
])

/** As many as an answer may have parts. */
const maxItems = 10_000

export class ResponsesStreamReader implements AnswerReader {
  isDone = false
  readonly #failures: FailureContext
  readonly #context: OutputContext
  readonly #output = new OutputOrder()
  #ended: { readonly how: OutputEnd; readonly reason: FinishReason | undefined; readonly usage: Usage } | undefined

  constructor(failures: FailureContext, ids: ToolIds, service: string) {
    this.#failures = failures
    this.#context = { service, ids, fail: (what) => protocolError(failures.name, what) }
  }

  get isFinished(): boolean {
    return this.#ended !== undefined
  }

  read({ event, data }: ServerSentEvent): readonly ProviderPart[] {
    if (data.trim() === '[DONE]') {
      this.isDone = true
      return []
    }
    const value = objectOf(parseJson(this.#failures.name, data))
    if (value === undefined) throw protocolError(this.#failures.name, 'the answer has an event that is no object')
    const type = textIn(value.type) ?? event
    if (type === undefined) return this.#readWhole(value)
    const out: ProviderPart[] = []
    this.#readEvent(type, value, out)
    return out
  }

  finish(): readonly ProviderPart[] {
    const ended = this.#ended
    if (ended === undefined) throw protocolError(this.#failures.name, 'the stream ended before the answer was finished')
    const out: ProviderPart[] = []
    for (const slot of [...this.#output.slots]) if (!slot.isClosed) this.#close(slot, slot.item.end(ended.how), out)
    return [...out, { type: 'finish', reason: ended.reason ?? this.#reasonOf(), usage: ended.usage }]
  }

  #readEvent(type: string, value: JsonObject, out: ProviderPart[]): void {
    const delta = deltas.get(type)
    if (delta !== undefined) return this.#readText(delta, value, textIn(value.delta), 'delta', out)
    const [deltaOfBlock = '', textField = ''] = blocks.get(type) ?? []
    const block = deltas.get(deltaOfBlock)
    if (block !== undefined) return this.#readText(block, value, textIn(value[textField]), 'block', out)
    switch (type) {
      case 'response.output_item.added':
        this.#slotFor(value, objectOf(value.item) ?? {}, out)
        return
      case 'response.output_item.done':
        return this.#readDone(value, objectOf(value.item) ?? {}, out)
      case 'response.completed':
      case 'response.incomplete': {
        const response = objectOf(value.response) ?? {}
        if (response.status === 'failed') throw this.#error(response.error)
        // Gateways call an answer completed that says itself that it is not.
        return this.#readEnd(response, type === 'response.completed' && response.status !== 'incomplete', out)
      }
      case 'response.failed':
        throw this.#error(objectOf(value.response)?.error)
      case 'error':
        throw this.#error(value)
    }
    // All others are progress, or newer than this reader.
  }

  /** An answer that is one JSON text, or an error without a name. */
  #readWhole(value: JsonObject): readonly ProviderPart[] {
    const { status, output, error } = value
    if (error !== undefined && error !== null) throw this.#error(value)
    if (!Array.isArray(output)) return []
    if (status === 'failed' || status === 'cancelled') throw this.#error({ message: `the answer has the status ${status}` })
    const out: ProviderPart[] = []
    if (status === 'completed' || status === 'incomplete') this.#readEnd(value, status === 'completed', out)
    return out
  }

  #readText(
    [itemType, kind, indexField]: readonly [string, DeltaKind, string],
    value: JsonObject,
    text: string | undefined,
    what: 'delta' | 'block',
    out: ProviderPart[],
  ): void {
    if (text === undefined) throw protocolError(this.#failures.name, `the answer has a piece of ${kind} without text`)
    const slot = this.#slotFor(value, { type: itemType }, out)
    if (slot === undefined || slot.isClosed || slot.type !== itemType) return
    const index = value[indexField]
    const parts = slot.item[what]?.(kind, typeof index === 'number' ? index : 0, text)
    if (parts !== undefined) this.#output.put(slot, parts, out)
  }

  #readDone(value: JsonObject, item: JsonObject, out: ProviderPart[]): void {
    const slot = this.#slotFor(value, item, out)
    if (slot !== undefined && !slot.isClosed && slot.type === item.type) this.#finishItem(slot, item, out)
  }

  #finishItem(slot: OutputSlot, item: JsonObject, out: ProviderPart[]): void {
    const { parts, isOpen = false } = slot.item.done(item)
    if (isOpen) this.#output.put(slot, parts, out)
    else this.#close(slot, parts, out)
  }

  #close(slot: OutputSlot, parts: readonly ProviderPart[], out: ProviderPart[]): void {
    this.#output.put(slot, parts, out)
    this.#output.close(slot, out)
  }

  /** Returns the item of an event, which begins with it if there was none; undefined for an item without a type. */
  #slotFor(value: JsonObject, item: JsonObject, out: ProviderPart[]): OutputSlot | undefined {
    const { output_index: given } = value
    // Ids may change from event to event (GitHub Copilot), so the index alone says which item it is.
    const index = typeof given === 'number' ? given : this.#indexWithout(item)
    const found = this.#output.find(index)
    if (found !== undefined) return found
    const type = textIn(item.type)
    if (type === undefined || type === '') return undefined
    if (this.#output.size >= maxItems) throw protocolError(this.#failures.name, `the answer has more than ${maxItems} items`)
    const made = this.#itemOf(type, item)
    const slot = this.#output.add(index, type, made, out)
    if (made instanceof CallItem) this.#output.put(slot, made.begin(), out)
    return slot
  }

  /** Without an index, an event belongs to the last item if that is of its type and open. */
  #indexWithout({ type }: JsonObject): number {
    const last = this.#output.slots.at(-1)
    return last !== undefined && !last.isClosed && last.type === type ? last.index : this.#output.nextIndex
  }

  #itemOf(type: string, begun: JsonObject): OutputItem {
    switch (type) {
      case 'message':
        return new MessageItem(this.#context, begun)
      case 'reasoning':
        return new ReasoningItem(this.#context, begun)
      case 'function_call':
        return new CallItem(this.#context, begun)
      default:
        return new CustomItem(this.#context, type)
    }
  }

  /** The last event repeats all items, in other encryptions: only those are read of which nothing else came. */
  #readEnd(response: JsonObject, isComplete: boolean, out: ProviderPart[]): void {
    const isEmpty = this.#output.size === 0
    for (const [index, item] of objectsOf(response.output).entries()) {
      const slot = isEmpty ? this.#slotFor({ output_index: index }, item, out) : this.#output.find(index)
      if (slot === undefined || slot.isClosed || slot.type !== item.type) continue
      // A call that was not finished in the stream may be cut off, whether or not its status says so.
      if (isComplete || item.type !== 'function_call' || item.status === 'completed') this.#finishItem(slot, item, out)
    }
    const cause = textIn(objectOf(response.incomplete_details)?.reason) ?? ''
    this.#ended = {
      how: isComplete ? 'complete' : 'cut',
      reason: isComplete ? undefined : (incompleteReasons.get(cause) ?? 'other'),
      usage: toUsage(objectOf(response.usage) ?? {}),
    }
    this.isDone = true
  }

  #reasonOf(): FinishReason {
    if (this.#output.slots.some(({ item }) => item instanceof CallItem && item.isCalled)) return 'tool-calls'
    return this.#output.slots.some(({ item }) => item instanceof MessageItem && item.hasRefusal) ? 'content-filter' : 'stop'
  }

  #error(value: unknown): BeamClawError {
    return explainResponsesError(serviceError(this.#failures, readResponsesError(value)))
  }
}

/** `input_tokens` counts cached tokens too; ours does not. */
function toUsage(usage: JsonObject): Usage {
  const details = objectOf(usage.input_tokens_details) ?? {}
  const cacheReadTokens = countIn(details.cached_tokens)
  const cacheWriteTokens = countIn(details.cache_write_tokens)
  const outputTokens = countIn(usage.output_tokens)
  const reasoningTokens = Math.min(outputTokens, countIn(objectOf(usage.output_tokens_details)?.reasoning_tokens))
  return {
    inputTokens: Math.max(0, countIn(usage.input_tokens) - cacheReadTokens - cacheWriteTokens),
    outputTokens,
    cacheReadTokens,
    cacheWriteTokens,
    // Models that do not think say 0.
    ...(reasoningTokens === 0 ? {} : { reasoningTokens }),
  }
}
