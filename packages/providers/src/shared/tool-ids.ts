import type { IdGenerator, Message } from '@beamclaw/core'

/** Assigns each tool call an id that is unique in its conversation: some servers send none, or count from zero in every answer. */
export class ToolIds {
  readonly #generator: IdGenerator
  readonly #messages: readonly Message[]
  // Read from the conversation at the first call: most answers have no calls.
  #taken: Set<string> | undefined

  constructor(generator: IdGenerator, messages: readonly Message[]) {
    this.#generator = generator
    this.#messages = messages
  }

  /** Returns the wanted id if it is free, otherwise a new one. */
  claim(wanted: string | undefined): string {
    this.#taken ??= new Set(callIdsOf(this.#messages))
    const id = wanted === undefined || wanted === '' || this.#taken.has(wanted) ? this.#generator.next('call_') : wanted
    this.#taken.add(id)
    return id
  }
}

function callIdsOf(messages: readonly Message[]): string[] {
  const ids: string[] = []
  for (const message of messages) {
    if (message.role !== 'assistant') continue
    for (const part of message.content) if (part.type === 'tool-call') ids.push(part.id)
  }
  return ids
}
