/**
 * The context of a conversation: what the model sees of it. It is in memory and in snapshots; the transcript is in the log.
 *
 * I1: It has the messages from number `from` of the transcript on, and the summary of those before.
 * I2: The messages from number `wholeFrom` on are as they were recorded; older results of tools may be shortened.
 */
import { deepFreeze } from '../../base/deep-freeze.ts'
import type { Message } from '../../base/messages.ts'
import type { MessageOrigin } from './message-origin.ts'
import { ShownHistory, untrimmedTurns } from './shown-history.ts'

/** A context as snapshots and records hold it. */
export interface StoredContext {
  /** What the messages before `from` said; absent when there was no need to summarise. */
  readonly summary?: string
  /** Number of the first message, counted from 0 in the transcript. */
  readonly from: number
  /** Number of the first message from which none was shortened. */
  readonly wholeFrom: number
  readonly messages: readonly Message[]
  /** One element per message. */
  readonly origins: readonly MessageOrigin[]
}

/** A message of the transcript with its origin. */
export interface TranscriptEntry {
  readonly message: Message
  readonly origin: MessageOrigin
}

export class Context {
  /** As the model sees it: the summary comes first. */
  readonly shown: ShownHistory
  readonly summary: string | undefined
  readonly from: number
  readonly origins: MessageOrigin[]
  readonly #wholeFrom: number

  constructor({ summary, from, wholeFrom, messages, origins }: StoredContext = { from: 0, wholeFrom: 0, messages: [], origins: [] }) {
    this.summary = summary
    this.from = from
    this.#wholeFrom = wholeFrom
    this.origins = [...origins]
    this.shown = new ShownHistory([...(summary === undefined ? [] : [summaryMessage(summary)]), ...messages])
  }

  /** Returns the context of whole messages from number `from` on. */
  static of(summary: string | undefined, from: number, entries: readonly TranscriptEntry[]): Context {
    const messages = entries.map(({ message }) => message)
    const origins = entries.map(({ origin }) => origin)
    return new Context({ ...(summary === undefined ? {} : { summary }), from, wholeFrom: from, messages, origins })
  }

  /** Number of the first message from which all are as they were recorded. */
  get wholeFrom(): number {
    return Math.max(this.#wholeFrom, this.from + this.shown.trimmedBefore - this.#places)
  }

  /** Number of the message that comes next. */
  get end(): number {
    return this.from + this.origins.length
  }

  add(message: Message, origin: MessageOrigin): void {
    this.shown.add(message)
    this.origins.push(origin)
  }

  /** Returns the messages with the numbers `first` to `end - 1`. */
  entries(first: number, end = this.end): TranscriptEntry[] {
    const entries: TranscriptEntry[] = []
    for (let index = Math.max(first, this.from); index < Math.min(end, this.end); index++) {
      const message = this.#message(index)
      const origin = this.origins[index - this.from]
      if (message !== undefined && origin !== undefined) entries.push({ message, origin })
    }
    return entries
  }

  /** Returns the newest message that `isWanted`; the summary is none. */
  newest(isWanted: (message: Message) => boolean): Message | undefined {
    for (let index = this.end - 1; index >= this.from; index--) {
      const message = this.#message(index)
      if (message !== undefined && isWanted(message)) return message
    }
    return undefined
  }

  #message(index: number): Message | undefined {
    return this.shown.at(index - this.from + this.#places)
  }

  /** True when the context after a cut can be had from this one: its last results of tools must be whole. */
  canKeep(kept: number): boolean {
    if (kept < this.from) return false
    const results = this.entries(this.from, kept).flatMap(({ message }, index) => (message.role === 'tool' ? [this.from + index] : []))
    return results.slice(-untrimmedTurns).every((index) => index >= this.wholeFrom)
  }

  /** Returns the context with all but the oldest `kept` messages of the transcript removed. */
  keepOldest(kept: number): Context {
    const stored = this.toStored()
    const count = Math.max(0, kept - this.from)
    return new Context({
      ...stored,
      wholeFrom: Math.min(stored.wholeFrom, kept),
      messages: stored.messages.slice(0, count),
      origins: stored.origins.slice(0, count),
    })
  }

  /** Returns the context with a summary instead of the oldest `dropped` messages as the model sees them. */
  summarised(dropped: number, summary: string): Context {
    const stored = this.toStored()
    const count = Math.min(Math.max(0, dropped - this.#places), stored.messages.length)
    const from = this.from + count
    const wholeFrom = Math.max(stored.wholeFrom, from)
    return new Context({ summary, from, wholeFrom, messages: stored.messages.slice(count), origins: stored.origins.slice(count) })
  }

  toStored(): StoredContext {
    const { summary, from, wholeFrom, origins } = this
    const messages = this.shown.messages().slice(this.#places)
    return { ...(summary === undefined ? {} : { summary }), from, wholeFrom, messages, origins: [...origins] }
  }

  /** Number of messages of the summary. */
  get #places(): number {
    return this.summary === undefined ? 0 : 1
  }
}

function summaryMessage(summary: string): Message {
  return deepFreeze({ role: 'user', content: `Summary of the conversation so far:\n\n${summary}` })
}
