/** Keeps a history within what a model can read: old tool results are trimmed, and the oldest messages give way to a summary. */
import type { Message, ToolMessage, ToolResult } from '../messages.ts'
import { capped } from '../tool/tool-output.ts'

/** Tokens that compaction leaves untouched at the end of the history. */
export const keptTokens = 20_000

/** Tool results older than the last three turns are trimmed above this many characters, to 1,500 at each end. */
const trimmedToolCharacters = 4_000

const untrimmedTurns = 3
const trimmedTo = 3_000
const imageTokens = 1_500

/** A rough count: four characters a token, an image 1,500. */
export function estimateTokens(messages: readonly Message[]): number {
  let tokens = 0
  for (const message of messages) tokens += tokensOf(message)
  return tokens
}

/** The same for one message. */
export function tokensOf(message: Message): number {
  if (typeof message.content === 'string') return charactersToTokens(message.content.length)
  let tokens = 4
  for (const part of message.content) {
    if (part.type === 'text' || part.type === 'thinking') tokens += charactersToTokens(part.text.length)
    else if (part.type === 'image') tokens += imageTokens
    else if (part.type === 'tool-call') tokens += charactersToTokens(JSON.stringify(part.input).length + part.name.length)
    else
      tokens +=
        typeof part.content === 'string'
          ? charactersToTokens(part.content.length)
          : estimateTokens([{ role: 'user', content: part.content }])
  }
  return tokens
}

/** How many of the oldest messages can go: all but the last `keep` tokens, and never so that a tool result loses its call. 0 when none can. */
export function compactableMessages(history: readonly Message[], keep = keptTokens): number {
  let tokens = 0
  let index = history.length
  while (index > 0) {
    const message = history[index - 1]
    if (message === undefined) break
    tokens += tokensOf(message)
    if (tokens > keep && index < history.length) break
    index--
  }
  // What is kept must not begin with the results of calls that are gone.
  while (index < history.length && history[index]?.role === 'tool') index++
  return index >= history.length ? fallbackCut(history) : index
}

/** Where one message alone is more than what is kept: everything before the last user message. */
function fallbackCut(history: readonly Message[]): number {
  const last = history.findLastIndex(({ role }) => role === 'user')
  return Math.max(0, last)
}

/** A history as a model gets to see it, kept up to date message by message: a long one is not gone through for every question. */
export class ShownHistory {
  #messages: Message[] = []
  // Tool messages that are shown whole.
  #untouched: number[] = []

  constructor(history: readonly Message[] = []) {
    for (const message of history) this.add(message)
  }

  add(message: Message): void {
    this.#messages.push(message)
    if (message.role !== 'tool') return
    this.#untouched.push(this.#messages.length - 1)
    const oldest = this.#untouched.length > untrimmedTurns ? this.#untouched.shift() : undefined
    if (oldest !== undefined) this.#messages[oldest] = trimmedMessage(this.#messages[oldest] as ToolMessage)
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

/** The oldest messages as text, for a model to summarise; each shortened, so that the whole fits. */
export function transcriptOf(messages: readonly Message[], maximumCharacters: number): string {
  const each = Math.max(200, Math.floor(maximumCharacters / Math.max(1, messages.length)))
  return capped(messages.map((message) => `${message.role}: ${capped(plainText(message), each)}`).join('\n\n'), maximumCharacters)
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

function charactersToTokens(characters: number): number {
  return Math.ceil(characters / 4) + 4
}
