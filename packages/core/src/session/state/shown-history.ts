/** Keeps a history within what a model can read: old tool results are trimmed, and the oldest messages give way to a summary. */
import type { Message, ToolMessage, ToolResult } from '../../base/messages.ts'
import { estimateMessageTokens } from '../../provider/token-estimate.ts'
import { capped } from '../../tool/tool-output.ts'

/** Tokens that compaction leaves untouched at the end of the history. */
export const keptTokens = 20_000

/** Fewer are not worth a summary, which would hardly be shorter. */
const leastDroppedTokens = 100

/** Tool results older than the last three turns are trimmed above this many characters, to 1,500 at each end. */
const trimmedToolCharacters = 4_000

/** Characters of each message that a model gets to see when it sums them up, however many there are. */
const leastShare = 100

const untrimmedTurns = 3
const trimmedTo = 3_000

/** Returns the estimated tokens of all these messages. */
export function estimateTokens(messages: readonly Message[]): number {
  let tokens = 0
  for (const message of messages) tokens += estimateMessageTokens(message)
  return tokens
}

/**
 * How many of the oldest messages can go: all but the last `keep` tokens, and never so that a tool result loses its call. 0 when none can, or
 * what can go is too little to be worth a summary.
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
  // What is kept must not begin with the results of calls that are gone.
  while (index < history.length && history[index]?.role === 'tool') index++
  // Results at the end that alone are more than what is kept stay, and their calls with them.
  while (index > 0 && (index === history.length || history[index]?.role === 'tool')) index--
  return estimateTokens(history.slice(0, index)) >= leastDroppedTokens ? index : 0
}

/** A history as a model gets to see it, kept up to date message by message: a long one is not gone through for every question. */
export class ShownHistory {
  #messages: Message[] = []
  // Tool messages that are shown whole.
  #untouched: number[] = []
  #tokens = 0

  constructor(history: readonly Message[] = []) {
    for (const message of history) this.add(message)
  }

  /** Estimated tokens of all messages, as they are shown. */
  get tokens(): number {
    return this.#tokens
  }

  add(message: Message): void {
    this.#messages.push(message)
    this.#tokens += estimateMessageTokens(message)
    if (message.role !== 'tool') return
    this.#untouched.push(this.#messages.length - 1)
    const oldest = this.#untouched.length > untrimmedTurns ? this.#untouched.shift() : undefined
    if (oldest === undefined) return
    const whole = this.#messages[oldest] as ToolMessage
    const trimmed = trimmedMessage(whole)
    this.#messages[oldest] = trimmed
    this.#tokens += estimateMessageTokens(trimmed) - estimateMessageTokens(whole)
  }

  messages(): readonly Message[] {
    return this.#messages.slice()
  }
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
    content: result.content.map((part) =>
      part.type === 'text' && part.text.length > trimmedToolCharacters ? { ...part, text: capped(part.text, trimmedTo) } : part,
    ),
  }
}

/** Returns the length to which texts are shortened so that all fit together: short ones stay whole, and leave their room to the long ones. */
function fairShare(lengths: readonly number[], maximum: number): number {
  let left = maximum
  for (const [index, length] of lengths.toSorted((a, b) => a - b).entries()) {
    const share = Math.floor(left / (lengths.length - index))
    if (length > share) return Math.max(leastShare, share)
    left -= length
  }
  return maximum
}

/** The oldest messages as text, for a model to summarise; the longest are shortened, so that the whole fits. */
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
      return part.type === 'image' ? '[image]' : ''
    })
    .join('\n')
}
