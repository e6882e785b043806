/** Replaces ids and names of tool calls that the services would refuse; another model or program may have made them. Pure. */
import type { Message, ToolCall, ToolResult } from '@beamclaw/core'
import { firstCharacters } from '@beamclaw/core/adapter'

// The limits that both services accept.
const maxIdLength = 40
const maxNameLength = 64

/**
 * Returns the messages with every id unique in the conversation, of 1 to 40 letters, digits, `_` and `-`, and every name of up to 64 of them.
 * A result keeps the id of its call, wherever that changed. The same messages give the same ids, so that a prefix stays the same.
 */
export function withWireCalls(messages: readonly Message[]): readonly Message[] {
  const taken = new Set<string>()
  let turn: CallsOfTurn | undefined
  return messages.map((message) => {
    if (message.role === 'tool')
      return turn?.isKeptIn(message.content) === false ? { role: 'tool', content: turn.resultsOf(message.content) } : message
    if (message.role !== 'assistant') return message
    const calls = new CallsOfTurn(taken)
    turn = calls
    const content = message.content.map((part) => (part.type === 'tool-call' ? calls.add(part) : part))
    return calls.areKept ? message : { role: 'assistant', content }
  })
}

/** The calls of one answer, and the results that follow. */
class CallsOfTurn {
  readonly #taken: Set<string>
  /** By its id in the conversation, the ids of a call on the wire: several where an answer used one twice. */
  readonly #ids = new Map<string, string[]>()
  #areKept = true

  constructor(taken: Set<string>) {
    this.#taken = taken
  }

  /** True while every call has the id and the name that it came with. */
  get areKept(): boolean {
    return this.#areKept
  }

  add(call: ToolCall): ToolCall {
    const id = this.#free(allowed(call.id, maxIdLength))
    const name = allowed(call.name, maxNameLength)
    const ids = this.#ids.get(call.id)
    if (ids === undefined) this.#ids.set(call.id, [id])
    else ids.push(id)
    if (id === call.id && name === call.name) return call
    this.#areKept = false
    return { ...call, id, name }
  }

  /** True when the results can stay as they are: one each, of calls that are kept. */
  isKeptIn(results: readonly ToolResult[]): boolean {
    const isOwn = ({ toolCallId }: ToolResult, index: number): boolean =>
      this.#ids.has(toolCallId) && results.findIndex((result) => result.toolCallId === toolCallId) === index
    return this.#areKept && results.every(isOwn)
  }

  /** Calls with the same id share a result where there is only one. */
  resultsOf(results: readonly ToolResult[]): ToolResult[] {
    // From here on each id counts how often it was used.
    this.#areKept = false
    return results.flatMap((result) => {
      const ids = this.#ids.get(result.toolCallId) ?? [allowed(result.toolCallId, maxIdLength)]
      const isOnly = results.filter(({ toolCallId }) => toolCallId === result.toolCallId).length === 1
      const own = isOnly ? ids : ids.splice(0, 1)
      return own.map((toolCallId) => ({ ...result, toolCallId }))
    })
  }

  #free(wanted: string): string {
    let id = wanted
    for (let next = 2; this.#taken.has(id); next++) id = `${wanted.slice(0, maxIdLength - 8)}_${next}`
    this.#taken.add(id)
    return id
  }
}

function allowed(text: string, maximum: number): string {
  // Nearly every text is allowed as it is, and each request looks at all of the conversation.
  if (text.length <= maximum && /^[\w-]+$/.test(text)) return text
  return firstCharacters(text.replace(/[^\w-]/g, '_'), maximum) || '_'
}
