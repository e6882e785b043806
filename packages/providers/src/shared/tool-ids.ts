import type { IdGenerator, Message } from '@beamclaw/core'

/** Gives each tool call an id that is unique in its conversation: some servers send none, or count from zero in every answer. */
export class ToolIds {
  readonly #taken = new Set<string>()
  readonly #generator: IdGenerator

  constructor(generator: IdGenerator, messages: readonly Message[]) {
    this.#generator = generator
    for (const message of messages) {
      if (message.role !== 'assistant') continue
      for (const part of message.content) if (part.type === 'tool-call') this.#taken.add(part.id)
    }
  }

  /** The wanted id where it is free, otherwise a new one. */
  claim(wanted: string | undefined): string {
    const id = wanted === undefined || wanted === '' || this.#taken.has(wanted) ? this.#generator.next('call_') : wanted
    this.#taken.add(id)
    return id
  }
}
