/** An answer that the service pauses and is asked to go on with. */
import { type AnswerPart, type AssistantMessage, addUsage, type ProviderMetadata, type ProviderPart, type Usage } from '@beamclaw/core'
import type { ProviderStream } from '@beamclaw/core/adapter'

/** One part of the answer: a stream, and whether the service has paused once it has ended. */
export interface AnswerLeg {
  readonly parts: ProviderStream
  readonly isPaused: () => boolean
}

/** Times that one answer is continued: the service pauses after ten calls of its own tools. */
const maxPauses = 20

type Read = IteratorResult<ProviderPart, void>

/**
 * Passes on the parts of an answer over all its legs, with one finish at its end. What has come so far is kept as a message, which the request for the next leg
 * ends with.
 */
export class ResumedAnswer implements ProviderStream {
  readonly #begin: (soFar: AssistantMessage | undefined) => AnswerLeg
  #leg: AnswerLeg
  readonly #content: AnswerPart[] = []
  /** True while a further piece would join the last part. */
  #isOpen = false
  #usage: Usage | undefined
  #pauses = 0

  /** `begin` asks for an answer, or for the rest of one. */
  constructor(begin: (soFar: AssistantMessage | undefined) => AnswerLeg) {
    this.#begin = begin
    this.#leg = begin(undefined)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<Read> {
    for (;;) {
      const read = await this.#leg.parts.next()
      if (read.done === true) return read
      const part = this.#taken(read.value)
      if (part !== undefined) return { done: false, value: part }
    }
  }

  takeReady(): ProviderPart | undefined {
    const part = this.#leg.parts.takeReady?.()
    return part === undefined ? undefined : this.#taken(part)
  }

  return(): Promise<Read> {
    return this.#leg.parts.return?.() ?? Promise.resolve({ done: true, value: undefined })
  }

  /** Returns the part, or undefined when another leg has begun in its place. */
  #taken(part: ProviderPart): ProviderPart | undefined {
    this.#keep(part)
    if (part.type !== 'finish') return part
    const usage = this.#usage === undefined ? part.usage : addUsage(this.#usage, part.usage)
    if (!this.#leg.isPaused() || this.#pauses === maxPauses) return { ...part, usage }
    this.#pauses++
    this.#usage = usage
    this.#leg = this.#begin({ role: 'assistant', content: [...this.#content] })
    return undefined
  }

  #keep(part: ProviderPart): void {
    switch (part.type) {
      case 'text-delta':
        return this.#grow('text', part.text)
      case 'thinking-delta':
        return this.#grow('thinking', part.text)
      case 'text-end':
        return this.#end('text', part.providerMetadata)
      case 'thinking-end':
        return this.#end('thinking', part.providerMetadata)
      case 'custom':
      case 'tool-call':
        this.#isOpen = false
        this.#content.push(part)
    }
  }

  #grow(type: 'text' | 'thinking', text: string): void {
    const last = this.#content.at(-1)
    if (this.#isOpen && last?.type === type) this.#content[this.#content.length - 1] = { ...last, text: last.text + text }
    else this.#content.push({ type, text })
    this.#isOpen = true
  }

  #end(type: 'text' | 'thinking', providerMetadata: ProviderMetadata | undefined): void {
    const last = this.#content.at(-1)
    const isOpen = this.#isOpen && last?.type === type
    this.#isOpen = false
    if (providerMetadata === undefined) return
    if (isOpen) this.#content[this.#content.length - 1] = { ...last, providerMetadata }
    else this.#content.push({ type, text: '', providerMetadata })
  }
}
