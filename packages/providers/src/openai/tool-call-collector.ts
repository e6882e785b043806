/** Assembles tool calls from their deltas, however a server splits and numbers them. */
import type { JsonObject, ProviderPart, ToolCall } from '@beamclaw/core'
import type { ToolIds } from '../shared/tool-ids.ts'
import { toToolCall } from '../shared/wire-format.ts'
import type { OpenAiToolCallPiece } from './openai-api.ts'

interface PendingCall {
  readonly index: number | undefined
  readonly serverId: string | undefined
  readonly id: string
  name: string
  inputText: string
  extraContent: JsonObject | undefined
  isAnnounced: boolean
}

/** As many as an answer may have parts. */
const maxCalls = 10_000

/** The calls of one answer, in the order they began. */
export class ToolCallCollector {
  readonly #ids: ToolIds
  readonly #service: string
  readonly #calls: PendingCall[] = []
  // The last that began with it: an answer may hold thousands of pieces.
  readonly #byIndex = new Map<number, PendingCall>()
  readonly #byServerId = new Map<string, PendingCall>()

  readonly #fail: (what: string) => Error

  /**
   * @param service the name under which a call keeps what the service needs back with it
   * @param fail returns the error for an answer that breaks the protocol
   */
  constructor(ids: ToolIds, service: string, fail: (what: string) => Error) {
    this.#ids = ids
    this.#service = service
    this.#fail = fail
  }

  get size(): number {
    return this.#calls.length
  }

  /** Adds one delta and returns the parts that it completes. */
  add(piece: OpenAiToolCallPiece): readonly ProviderPart[] {
    const call = this.#find(piece) ?? this.#begin(piece)
    const sent = piece.function?.arguments
    const inputText = typeof sent === 'string' ? sent : sent === undefined || sent === null ? '' : JSON.stringify(sent)
    // The name is sent complete; servers that repeat it in every delta repeat all of it.
    if (call.name === '') call.name = piece.function?.name ?? ''
    call.inputText += inputText
    if (piece.extra_content) call.extraContent = piece.extra_content as JsonObject
    if (call.name === '') return []
    if (!call.isAnnounced) {
      call.isAnnounced = true
      const start = { type: 'tool-call-start', id: call.id, name: call.name } as const
      return call.inputText === '' ? [start] : [start, { type: 'tool-call-delta', id: call.id, inputText: call.inputText }]
    }
    return inputText === '' ? [] : [{ type: 'tool-call-delta', id: call.id, inputText }]
  }

  /** Returns the finished calls. With `isCut`, a call with truncated input is left out: it must neither run nor get a result. */
  finish(isCut: boolean): readonly ToolCall[] {
    const calls = this.#calls.map(({ id, name, inputText, extraContent }) => ({
      call: this.#signed(toToolCall(id, name, inputText), extraContent),
      isEmpty: inputText.trim() === '',
    }))
    return calls.filter(({ call, isEmpty }) => !isCut || (call.invalidInput === undefined && !isEmpty)).map(({ call }) => call)
  }

  /** True when a call has no name. */
  get hasNameless(): boolean {
    return this.#calls.some(({ name }) => name === '')
  }

  #signed(call: ToolCall, extraContent: JsonObject | undefined): ToolCall {
    return extraContent === undefined ? call : { ...call, providerMetadata: { [this.#service]: { extra_content: extraContent } } }
  }

  #find({ index, id, function: called }: OpenAiToolCallPiece): PendingCall | undefined {
    const hasId = id !== undefined && id !== null && id !== ''
    if (index !== undefined && index !== null) {
      const call = this.#byIndex.get(index)
      // Servers that number every call 0 still send different ids, and a name with each; some change the id of a call under way, and send no name.
      const isOther = hasId && call?.serverId !== undefined && call.serverId !== id
      return isOther && (called?.name || call?.name === '') ? undefined : call
    }
    if (hasId) return this.#byServerId.get(id)
    const last = this.#calls.at(-1)
    // Neither index nor id: a name begins the next call.
    return last !== undefined && last.name !== '' && called?.name ? undefined : last
  }

  #begin({ index, id }: OpenAiToolCallPiece): PendingCall {
    if (this.#calls.length >= maxCalls) throw this.#fail(`the answer holds more than ${maxCalls} tool calls`)
    const serverId = id === null || id === '' ? undefined : id
    const call: PendingCall = {
      index: index ?? undefined,
      serverId,
      id: this.#ids.claim(serverId),
      name: '',
      inputText: '',
      extraContent: undefined,
      isAnnounced: false,
    }
    this.#calls.push(call)
    if (call.index !== undefined) this.#byIndex.set(call.index, call)
    if (serverId !== undefined) this.#byServerId.set(serverId, call)
    return call
  }
}
