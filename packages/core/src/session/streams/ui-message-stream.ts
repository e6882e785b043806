/** Turns a run into chunks of the AI SDK's UI message stream, version 1, which `useChat` reads. Pure: events in, chunks out. */
import type { MessageEvent, RunEndEvent, RunEvent, ToolResultEvent } from '../../base/events.ts'
import type { AssistantMessage, JsonObject, TextPart, ToolCall } from '../../base/messages.ts'
import { type ErrorText, toolErrorOf } from './public-error-text.ts'

/** One chunk as sent; its fields depend on `type`. */
export type UiMessageChunk = JsonObject & { readonly type: string }

/** Adjacent text, or adjacent thinking. */
export interface Block {
  readonly kind: 'text' | 'reasoning'
  readonly text: string
}

/** Marks a block of a broken attempt that stays on the screen. */
const voidMark = { providerMetadata: { beamclaw: { void: true } } } as const

/**
 * Sends one run, from its first event to its end. The protocol can add to the shown content but cannot take it back. The first output of an attempt
 * after a broken one is therefore held back while it repeats the shown content. When it differs, the block on the screen ends with
 * `providerMetadata.beamclaw.void`, and the new text follows it.
 *
 * I1 Each block is started once, ended once, and gets its text in between. I2 After a `message` event, the blocks since the last void one hold its
 * whole text. I3 A tool result is sent only after its call, in the same step.
 */
export class UiMessageStream {
  readonly #errorText: ErrorText
  #turn = 0
  /** Blocks of this turn on the screen; the last one is open when `#openId` is set. */
  #shown: Block[] = []
  #openId: string | undefined
  #blocks = 0
  /** The output of a later attempt of this turn while it is shorter than the shown content; undefined once it adds to that content. */
  #heard: Block[] | undefined
  #heardLength = 0
  /** True when every piece of this attempt arrives: its request was made while the reader was listening. */
  #isWhole = false
  #isInStep = false
  #calls = new Set<string>()
  #finish: string = 'other'
  #isOver = false

  constructor(errorText: ErrorText) {
    this.#errorText = errorText
  }

  /** Returns the chunks that start the message. Its id comes from `runId`, so it is the same for every reader. */
  begin(runId: string): UiMessageChunk[] {
    // The run's id may be the id of the user's message, and two messages of a chat must not share an id.
    return [{ type: 'start', messageId: `${runId}:answer` }]
  }

  /** Returns the chunks for an event. `isLive`: it happened while the reader was listening. */
  hear(event: RunEvent, isLive: boolean): UiMessageChunk[] {
    switch (event.type) {
      case 'model-request':
        return this.#request(event.turn, isLive)
      case 'text-delta':
        return this.#piece('text', event.text)
      case 'thinking-delta':
        return this.#piece('reasoning', event.text)
      case 'message':
        return this.#message(event)
      case 'tool-result':
        return this.#toolResult(event)
      case 'run-end':
        return this.#end(event)
      default:
        return []
    }
  }

  /** Returns the chunks that end the message when no more events come: none after the run's end, else those of the failure. */
  stop(failure: { readonly code: string; readonly message: string }): UiMessageChunk[] {
    if (this.#isOver) return []
    return [...this.#closeStep(), ...this.#failed(failure)]
  }

  #request(turn: number, isLive: boolean): UiMessageChunk[] {
    this.#isWhole = isLive
    if (turn === this.#turn && this.#isInStep) {
      this.#heard = this.#shown.length === 0 ? undefined : []
      this.#heardLength = 0
      return []
    }
    const chunks = this.#closeStep()
    this.#turn = turn
    return [...chunks, ...this.#openStep()]
  }

  #openStep(): UiMessageChunk[] {
    if (this.#isInStep) return []
    this.#isInStep = true
    this.#shown = []
    this.#heard = undefined
    this.#calls = new Set()
    return [{ type: 'start-step' }]
  }

  #closeStep(isVoid = false): UiMessageChunk[] {
    const chunks = this.#closeBlock(isVoid)
    if (this.#isInStep) chunks.push({ type: 'finish-step' })
    this.#isInStep = false
    return chunks
  }

  #piece(kind: Block['kind'], text: string): UiMessageChunk[] {
    if (!this.#isWhole) return []
    if (this.#heard === undefined) return this.#grow(kind, text)
    append(this.#heard, kind, text)
    this.#heardLength += text.length
    // Compared once, so that the cost stays linear in the length of the answer.
    return this.#heardLength < lengthOf(this.#shown) ? [] : this.#settle(this.#heard)
  }

  #message({ message, finish }: MessageEvent): UiMessageChunk[] {
    this.#finish = finish
    const chunks = [...this.#openStep(), ...this.#settle(blocksOf(message)), ...this.#closeBlock()]
    for (const part of message.content) if (part.type === 'tool-call') chunks.push(this.#toolCall(part))
    this.#isWhole = false
    return chunks
  }

  #toolCall({ id: toolCallId, name: toolName, input, invalidInput }: ToolCall): UiMessageChunk {
    this.#calls.add(toolCallId)
    if (invalidInput === undefined) return { type: 'tool-input-available', toolCallId, toolName, input }
    return { type: 'tool-input-error', toolCallId, toolName, input: invalidInput, errorText: invalidInputText }
  }

  #toolResult({ outcome, result }: ToolResultEvent): UiMessageChunk[] {
    const { toolCallId, content, isError } = result
    // The calls before a message joined the run are not part of its stream.
    if (!this.#calls.delete(toolCallId)) return []
    if (!isError) return [{ type: 'tool-output-available', toolCallId, output: dataOf(content) as UiMessageChunk['output'] }]
    return [{ type: 'tool-output-error', toolCallId, errorText: toolErrorOf(outcome, result, this.#errorText) }]
  }

  #end({ outcome, failure }: RunEndEvent): UiMessageChunk[] {
    // A block that is open now belongs to an incomplete answer, which no history has.
    const chunks = this.#closeStep(true)
    this.#isOver = true
    if (outcome === 'aborted') return [...chunks, { type: 'abort', reason: 'run-aborted' }]
    if (outcome === 'failed') return [...chunks, ...this.#failed(failure ?? { code: 'run-failed', message: '' })]
    return [...chunks, { type: 'finish', finishReason: this.#finish }]
  }

  #failed(failure: { readonly code: string; readonly message: string }): UiMessageChunk[] {
    this.#isOver = true
    return [
      { type: 'error', errorText: this.#errorText(failure) },
      { type: 'finish', finishReason: 'error' },
    ]
  }

  /** Shows `blocks`, whose beginning may be shown already. */
  #settle(blocks: readonly Block[]): UiMessageChunk[] {
    const chunks: UiMessageChunk[] = []
    if (!isBeginning(this.#shown, blocks)) {
      chunks.push(...this.#closeBlock(true))
      this.#shown = []
    }
    this.#heard = undefined
    const lengths = this.#shown.map(({ text }) => text.length)
    for (const [index, { kind, text }] of blocks.entries()) chunks.push(...this.#grow(kind, text.slice(lengths[index] ?? 0)))
    return chunks
  }

  /** Shows more text, in the open block if it is of the same kind. */
  #grow(kind: Block['kind'], text: string): UiMessageChunk[] {
    if (text === '') return []
    const chunks: UiMessageChunk[] = []
    if (this.#openId === undefined || this.#shown.at(-1)?.kind !== kind) {
      chunks.push(...this.#closeBlock())
      this.#openId = `${kind}-${++this.#blocks}`
      chunks.push({ type: `${kind}-start`, id: this.#openId })
    }
    append(this.#shown, kind, text)
    chunks.push({ type: `${kind}-delta`, id: this.#openId, delta: text })
    return chunks
  }

  #closeBlock(isVoid = false): UiMessageChunk[] {
    const id = this.#openId
    const kind = this.#shown.at(-1)?.kind
    this.#openId = undefined
    return id === undefined || kind === undefined ? [] : [{ type: `${kind}-end`, id, ...(isVoid ? voidMark : {}) }]
  }
}

/** The text shown for a call whose input is not JSON. */
export const invalidInputText = 'The input is not valid JSON.'

/** Returns the text and thinking of a message as they are streamed. Text on both sides of a tool call is one block. */
export function blocksOf({ content }: AssistantMessage): Block[] {
  const blocks: Block[] = []
  for (const part of content) {
    if (part.type !== 'tool-call' && part.type !== 'custom' && part.text !== '')
      append(blocks, part.type === 'text' ? 'text' : 'reasoning', part.text)
  }
  return blocks
}

function append(blocks: Block[], kind: Block['kind'], text: string): void {
  const last = blocks.at(-1)
  if (last?.kind === kind) blocks[blocks.length - 1] = { kind, text: last.text + text }
  else blocks.push({ kind, text })
}

function lengthOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { text }) => sum + text.length, 0)
}

function isBeginning(shown: readonly Block[], whole: readonly Block[]): boolean {
  return shown.every(({ kind, text }, index) => {
    const block = whole[index]
    if (block?.kind !== kind) return false
    return index === shown.length - 1 ? block.text.startsWith(text) : block.text === text
  })
}

/** Returns the data of a tool whose result was an object or a list: the model reads JSON text, a page gets the original value. */
export function dataOf(content: unknown): unknown {
  // A long text, of which events and histories have the beginning.
  if (isLongText(content)) return content[0].text
  if (typeof content !== 'string' || !/^[[{]/.test(content)) return content
  try {
    return JSON.parse(content) as unknown
  } catch {
    return content
  }
}

function isLongText(content: unknown): content is readonly [TextPart] {
  if (!Array.isArray(content) || content.length !== 1) return false
  const part: unknown = content[0]
  return typeof part === 'object' && part !== null && 'text' in part && 'blob' in part
}
