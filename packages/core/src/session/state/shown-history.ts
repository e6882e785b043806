/** Keeps a history within the context window: old tool results are trimmed, many at a time, and a summary replaces the oldest messages. */
import { referencesIn } from '../../base/attachments.ts'
import type { Message, TextPart, ToolMessage, ToolResult } from '../../base/messages.ts'
import { estimateMessageTokens } from '../../provider/token-estimate.ts'
import { capped } from '../../tool/tool-output.ts'

/** Tokens at the end of the history that compaction leaves untouched. */
export const keptTokens = 20_000

/** The fewest tokens worth a summary: a summary of fewer is hardly shorter. */
const leastDroppedTokens = 100

/** Tool results older than the last three turns are trimmed above this number of characters, to 1,500 at each end. */
const trimmedToolCharacters = 4_000

/**
 * Tokens that trimming must win, so that it comes seldom: it changes what the model has read, and a service then reads everything after it anew
 * instead of from its cache.
 */
const leastTrimmedTokens = 10_000

/** Characters of each message that the model sees for a summary, however many messages there are. */
const leastShare = 100

/** Turns whose tool results are shown whole, counted from the newest. */
export const untrimmedTurns = 3
const trimmedTo = 3_000

/** Returns the estimated tokens of all messages. */
export function estimateTokens(messages: readonly Message[]): number {
  let tokens = 0
  for (const message of messages) tokens += estimateMessageTokens(message)
  return tokens
}

/**
 * Returns how many of the oldest messages can be dropped: all but the last `keep` tokens, and never a call without its result. Returns 0 when no
 * message can be dropped, or too few to be worth a summary.
 */
export function compactableMessages(history: readonly Message[], keep = keptTokens): number {
  let tokens = 0
  let index = history.length
  while (index > 0) {
    const message = history[index - 1]
    if (message === undefined) break
    tokens += estimateMessageTokens(message)
    if (tokens > keep && index < history.length) break
    index--
  }
  // The kept part must not begin with the results of dropped calls.
  while (index < history.length && history[index]?.role === 'tool') index++
  // Results at the end that alone exceed the kept tokens stay, together with their calls.
  while (index > 0 && (index === history.length || history[index]?.role === 'tool')) index--
  return estimateTokens(history.slice(0, index)) >= leastDroppedTokens ? index : 0
}

/** A history as a model sees it, updated message by message, so that a long history is not scanned for each model call. */
export class ShownHistory {
  #messages: Message[] = []
  // Indexes of the last tool messages, which are shown whole.
  #untouched: number[] = []
  // Indexes of older ones that wait to be trimmed together.
  #waiting: number[] = []
  #winnable = 0
  #tokens = 0
  #references = 0
  #trimmedBefore = 0

  constructor(history: readonly Message[] = []) {
    for (const message of history) this.add(message)
  }

  /** Estimated tokens of all messages, as shown. */
  get tokens(): number {
    return this.#tokens
  }

  /** Number of references to attachments in all messages, as shown. */
  get references(): number {
    return this.#references
  }

  /** Index of the first message from which none was shortened here. */
  get trimmedBefore(): number {
    return this.#trimmedBefore
  }

  /** Returns the message at an index. */
  at(index: number): Message | undefined {
    return this.#messages[index]
  }

  add(message: Message): void {
    this.#messages.push(message)
    this.#tokens += estimateMessageTokens(message)
    this.#references += referencesIn(message).length
    if (message.role !== 'tool') return
    this.#untouched.push(this.#messages.length - 1)
    const oldest = this.#untouched.length > untrimmedTurns ? this.#untouched.shift() : undefined
    if (oldest === undefined) return
    const whole = this.#messages[oldest] as ToolMessage
    if (!isTrimmable(whole)) return
    this.#waiting.push(oldest)
    this.#winnable += estimateMessageTokens(whole) - estimateMessageTokens(trimmedMessage(whole))
    if (this.#winnable >= leastTrimmedTokens) this.#trim()
  }

  #trim(): void {
    for (const index of this.#waiting) {
      const whole = this.#messages[index] as ToolMessage
      const trimmed = trimmedMessage(whole)
      this.#messages[index] = trimmed
      this.#trimmedBefore = index + 1
      this.#references += referencesIn(trimmed).length - referencesIn(whole).length
    }
    this.#tokens -= this.#winnable
    this.#waiting = []
    this.#winnable = 0
  }

  messages(): readonly Message[] {
    return this.#messages.slice()
  }
}

function isTrimmable({ content }: ToolMessage): boolean {
  return content.some(({ content: parts }) =>
    typeof parts === 'string' ? parts.length > trimmedToolCharacters : parts.some((part) => part.type === 'text' && isLong(part)),
  )
}

function trimmedMessage({ content }: ToolMessage): ToolMessage {
  return { role: 'tool', content: content.map(trimmed) }
}

function trimmed(result: ToolResult): ToolResult {
  if (typeof result.content === 'string') {
    return result.content.length <= trimmedToolCharacters ? result : { ...result, content: capped(result.content, trimmedTo) }
  }
  return {
    ...result,
    content: result.content.map((part) => (part.type === 'text' && isLong(part) ? shortened(part) : part)),
  }
}

function isLong({ text, blob }: TextPart): boolean {
  return blob !== undefined || text.length > trimmedToolCharacters
}

/** Returns a text without its reference. Of an attachment only the beginning is left. */
function shortened({ text, blob, size }: TextPart): TextPart {
  if (blob === undefined) return { type: 'text', text: capped(text, trimmedTo) }
  return { type: 'text', text: `${text}\n… the rest was left out (${size} bytes in all) …` }
}

/** Returns the length to which texts are shortened so that all fit together: short texts stay whole, and leave their share to the long ones. */
function fairShare(lengths: readonly number[], maximum: number): number {
  let left = maximum
  for (const [index, length] of lengths.toSorted((a, b) => a - b).entries()) {
    const share = Math.floor(left / (lengths.length - index))
    if (length > share) return Math.max(leastShare, share)
    left -= length
  }
  return maximum
}

/** Returns the oldest messages as text for a summary by a model. The longest messages are shortened, so that the whole fits. */
export function transcriptOf(messages: readonly Message[], maximumCharacters: number): string {
  const texts = messages.map((message) => `${message.role}: ${plainText(message)}`)
  const each = fairShare(
    texts.map(({ length }) => length),
    maximumCharacters,
  )
  return texts.map((text) => capped(text, each)).join('\n\n')
}

function plainText(message: Message): string {
  if (typeof message.content === 'string') return message.content
  return message.content
    .map((part) => {
      if (part.type === 'text') return part.text
      if (part.type === 'tool-call') return `[calls ${part.name} with ${JSON.stringify(part.input)}]`
      if (part.type === 'tool-result') return `[${part.name} answered: ${typeof part.content === 'string' ? part.content : 'parts'}]`
      if (part.type === 'file') return `[file ${part.name ?? part.mediaType}]`
      return part.type === 'image' ? '[image]' : ''
    })
    .join('\n')
}
