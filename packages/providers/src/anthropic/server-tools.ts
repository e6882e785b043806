/** Keeps calls of the service's own tools beside their results: the service refuses one without the other. Pure. */
import type { AnswerPart, Message } from '@beamclaw/core'
import { textIn } from '../shared/fields.ts'
import { customBlockOf } from './custom-block.ts'

/** Returns true for the type of a block that calls a tool of the service, such as `server_tool_use` and `mcp_tool_use`. */
export function isServerCall(type: string): boolean {
  return type.endsWith('_tool_use')
}

/**
 * Returns the messages without calls of the service's tools that have no result, and without results that have no call. An answer that was cut off, or that
 * stayed paused, has such a call, and a result may have been too large to keep. A call at the end stays: the service is about to run it.
 */
export function withServerToolPairs(messages: readonly Message[], service: string): readonly Message[] {
  const pairs = new ServerToolPairs(service)
  for (const [index, message] of messages.entries()) pairs.read(message, index)
  const alone = pairs.alone()
  if (alone.size === 0) return messages
  return messages.map((message, index) =>
    message.role === 'assistant' ? { ...message, content: message.content.filter((_, part) => !alone.has(placeOf(index, part))) } : message,
  )
}

interface OpenCall {
  readonly place: string
  /** True once the service has said something after the call, so that it no longer waits for the result. */
  isPassed: boolean
}

class ServerToolPairs {
  readonly #service: string
  /** Places of calls and results that stand alone. */
  readonly #alone = new Set<string>()
  /** Calls without a result so far, by their id. */
  readonly #open = new Map<string, OpenCall>()

  constructor(service: string) {
    this.#service = service
  }

  /** Reads the next message. Only results of other tools may come between a call and its result. */
  read(message: Message, index: number): void {
    if (message.role === 'tool') return
    const before = [...this.#open.keys()]
    if (message.role === 'assistant') for (const [part, value] of message.content.entries()) this.#readPart(value, placeOf(index, part))
    for (const id of before) this.#close(id)
  }

  /** Returns the places of all that stand alone. */
  alone(): ReadonlySet<string> {
    for (const [id, { isPassed }] of this.#open) if (isPassed) this.#close(id)
    return this.#alone
  }

  #readPart(part: AnswerPart, place: string): void {
    const block = customBlockOf(part, this.#service)
    const type = String(block?.type)
    if (isServerCall(type)) {
      const id = textIn(block?.id)
      if (id === undefined || this.#open.has(id)) this.#alone.add(place)
      else this.#open.set(id, { place, isPassed: false })
    } else if (type.endsWith('_tool_result')) {
      if (!this.#open.delete(textIn(block?.tool_use_id) ?? '')) this.#alone.add(place)
    } else if (part.type === 'text' || part.type === 'thinking') {
      for (const call of this.#open.values()) call.isPassed = true
    }
  }

  #close(id: string): void {
    const call = this.#open.get(id)
    if (call !== undefined) this.#alone.add(call.place)
    this.#open.delete(id)
  }
}

function placeOf(message: number, part: number): string {
  return `${message}.${part}`
}
