import type { IdGenerator, Message } from '@beamclaw/core'

/** Assigns each tool call an id that is unique in its conversation: some servers send none, or count from zero in every answer. */
export class ToolIds {
  readonly #generator: IdGenerator
  readonly #messages: readonly Message[]
  // Read from the conversation at the second call: most answers have one or none.
  #taken: Set<string> | undefined
  #first: string | undefined

  constructor(generator: IdGenerator, messages: readonly Message[]) {
    this.#generator = generator
    this.#messages = messages
  }

  /** Returns the wanted id if it is free, otherwise a new one. */
  claim(wanted: string | undefined): string {
    const isFree = wanted !== undefined && wanted !== '' && !this.#isTaken(wanted)
    const id = isFree ? wanted : this.#generator.next('call_')
    this.#taken?.add(id)
    this.#first ??= id
    return id
  }

  #isTaken(id: string): boolean {
    if (this.#first === undefined) return hasCall(this.#messages, id)
    this.#taken ??= new Set([...callIdsOf(this.#messages), this.#first])
    return this.#taken.has(id)
  }
}

function hasCall(messages: readonly Message[], id: string): boolean {
  for (const message of messages) {
    if (message.role !== 'assistant') continue
    for (const part of message.content) if (part.type === 'tool-call' && part.id === id) return true
  }
  return false
}

function callIdsOf(messages: readonly Message[]): string[] {
  const ids: string[] = []
  for (const message of messages) {
    if (message.role !== 'assistant') continue
    for (const part of message.content) if (part.type === 'tool-call') ids.push(part.id)
  }
  return ids
}
