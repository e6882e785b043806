/** The content blocks of an answer as they arrive: their parts in the order of the blocks, and each call whole in its place. */
import type { JsonObject, JsonValue, ProviderPart } from '@beamclaw/core'
import { type FailureContext, protocolError } from '../shared/failure.ts'
import { objectsOf } from '../shared/fields.ts'
import type { ToolIds } from '../shared/tool-ids.ts'
import { toToolCall } from '../shared/wire-format.ts'
import type { AnthropicContentBlock, AnthropicDelta } from './anthropic-api.ts'
import { customPart } from './custom-block.ts'
import { kept } from './kept.ts'
import { isServerCall } from './server-tools.ts'

type OpenBlock =
  | { readonly type: 'ignored' }
  | { readonly type: 'text'; isEmpty: boolean; readonly citations: JsonObject[] }
  | { readonly type: 'thinking'; signature: string }
  | { readonly type: 'tool'; readonly id: string; readonly name: string; readonly input: unknown; inputText: string }
  /** A block that only the service understands, as it began. */
  | { readonly type: 'custom'; readonly block: JsonObject; inputText: string }

type ToolBlock = Extract<OpenBlock, { type: 'tool' }>
type CustomBlock = Extract<OpenBlock, { type: 'custom' }>

/**
 * Reads blocks into parts. A call is whole when the next block begins or the answer ends well: the limit of the output cuts the last block of an answer, and its
 * end is sent all the same.
 */
export class AnthropicBlocks {
  readonly #failures: FailureContext
  readonly #ids: ToolIds
  readonly #service: string
  readonly #open = new Map<number, OpenBlock>()
  /** The last call, of a tool here or at the service, while it is not known to be whole. */
  #waiting: ToolBlock | CustomBlock | undefined
  /** Calls whose input is not JSON: whether the limit of the output did that is known at the end. */
  readonly #broken: ToolBlock[] = []
  /** True while a further piece of text would join the last one. */
  #isTextOpen = false
  #hasText = false
  #hasCalls = false
  #hasBlocks = false

  constructor(failures: FailureContext, ids: ToolIds, service: string) {
    this.#failures = failures
    this.#ids = ids
    this.#service = service
  }

  /** True once there was text or a call. */
  get hasAnything(): boolean {
    return this.#hasText || this.#hasCalls || this.#waiting?.type === 'tool' || this.#broken.length > 0
  }

  /** True once any block has begun. */
  get hasBlocks(): boolean {
    return this.#hasBlocks
  }

  /** True once there was a whole call. */
  get hasCalls(): boolean {
    return this.#hasCalls
  }

  start(index: number, block: AnthropicContentBlock, raw: JsonObject, parts: ProviderPart[]): void {
    this.#release(parts)
    this.#hasBlocks = true
    const open = this.#opened(block, raw, parts)
    // Two texts in a row stay two, also where a block between them is not kept.
    if (open.type === 'text') this.endText(parts)
    else if (open.type === 'thinking' || open.type === 'tool') this.#isTextOpen = false
    this.#open.set(index, open)
    if (open.type === 'text') this.#text(open, block.text, parts)
    if (open.type === 'thinking' && block.thinking) parts.push({ type: 'thinking-delta', text: block.thinking })
  }

  #opened(block: AnthropicContentBlock, raw: JsonObject, parts: ProviderPart[]): OpenBlock {
    switch (block.type) {
      case 'text':
        return { type: 'text', isEmpty: true, citations: [...objectsOf(block.citations)] }
      case 'thinking':
        return { type: 'thinking', signature: block.signature ?? '' }
      case 'redacted_thinking':
        if (block.data) parts.push({ type: 'thinking-end', ...kept(this.#service, { redacted: block.data }) })
        return { type: 'ignored' }
      case 'tool_use': {
        if (!block.name) throw protocolError(this.#failures.name, 'the answer holds a tool call without a name')
        const id = this.#ids.claim(block.id ?? undefined)
        parts.push({ type: 'tool-call-start', id, name: block.name })
        return { type: 'tool', id, name: block.name, input: block.input, inputText: '' }
      }
      case '':
        return { type: 'ignored' }
      default:
        return { type: 'custom', block: raw, inputText: '' }
    }
  }

  add(index: number, delta: AnthropicDelta, parts: ProviderPart[]): void {
    const block = this.#open.get(index)
    switch (delta.type) {
      case 'text_delta':
        return this.#text(block, delta.text, parts)
      case 'thinking_delta':
        if (delta.thinking) parts.push({ type: 'thinking-delta', text: delta.thinking })
        return
      case 'signature_delta':
        if (block?.type === 'thinking') block.signature += delta.signature ?? ''
        return
      case 'input_json_delta':
        if (!delta.partial_json || (block?.type !== 'tool' && block?.type !== 'custom')) return
        block.inputText += delta.partial_json
        if (block.type === 'tool') parts.push({ type: 'tool-call-delta', id: block.id, inputText: delta.partial_json })
        return
      case 'citations_delta':
        if (block?.type === 'text') block.citations.push(...objectsOf([delta.citation]))
        return
      default:
      // Later additions to the protocol.
    }
  }

  stop(index: number, parts: ProviderPart[]): void {
    const block = this.#open.get(index)
    this.#open.delete(index)
    if (block?.type === 'text') {
      if (block.citations.length > 0 && !block.isEmpty) this.endText(parts, { citations: block.citations })
    } else if (block?.type === 'thinking') {
      const { signature } = block
      parts.push({ type: 'thinking-end', ...kept(this.#service, signature === '' ? {} : { signature }) })
    } else if (block?.type === 'tool' || block?.type === 'custom') {
      this.#release(parts)
      this.#waiting = block
      if (block.type === 'custom' && !isServerCall(String(block.block.type))) this.#release(parts)
    }
  }

  /** Ends the text that further pieces would join, if there is any, and keeps what belongs to it. */
  endText(parts: ProviderPart[], fields: JsonObject = {}): void {
    if (this.#isTextOpen) parts.push({ type: 'text-end', ...kept(this.#service, fields) })
    this.#isTextOpen = false
  }

  /** Ends all blocks. With `isCut`, a last call whose input may be incomplete is left out: it must neither run nor get a result, here or at the service. */
  end(isCut: boolean, parts: ProviderPart[]): void {
    for (const index of [...this.#open.keys()]) this.stop(index, parts)
    const last = this.#waiting
    if (last !== undefined && isCut && (last.type === 'custom' || !isWhole(last))) this.#waiting = undefined
    this.#release(parts)
    if (!isCut) for (const call of this.#broken) this.#emit(call, parts)
  }

  #release(parts: ProviderPart[]): void {
    const call = this.#waiting
    if (call === undefined) return
    this.#waiting = undefined
    if (call.type === 'custom') parts.push(customPart(wholeBlock(call), this.#service))
    else if (textOfInput(call) === '' || isWhole(call)) this.#emit(call, parts)
    else this.#broken.push(call)
  }

  #emit(call: ToolBlock, parts: ProviderPart[]): void {
    this.#hasCalls = true
    parts.push(toToolCall(call.id, call.name, textOfInput(call)))
  }

  #text(block: OpenBlock | undefined, text: string | null | undefined, parts: ProviderPart[]): void {
    if (!text) return
    if (block?.type === 'text') block.isEmpty = false
    this.#isTextOpen = true
    this.#hasText = true
    parts.push({ type: 'text-delta', text })
  }
}

/** Servers that do not stream the input send it with the beginning of the block. */
function textOfInput({ inputText, input }: ToolBlock): string {
  if (inputText !== '') return inputText
  return typeof input === 'object' && input !== null && Object.keys(input).length > 0 ? JSON.stringify(input) : ''
}

function wholeBlock({ block, inputText }: CustomBlock): JsonObject {
  return inputText === '' ? block : { ...block, input: inputOf(inputText) }
}

function isWhole(call: ToolBlock): boolean {
  const text = textOfInput(call)
  return text !== '' && toToolCall(call.id, call.name, text).invalidInput === undefined
}

function inputOf(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return {}
  }
}
