/** Guesses tokens where the service has not counted them: before a call, and after one that broke off. */
import type { Message } from '../messages.ts'
import { noUsage, type Usage } from '../messages.ts'
import type { ProviderPart, ProviderRequest } from '../ports/provider.ts'

const charactersPerToken = 4
// About what services charge for a picture of a megapixel, whatever its encoded size.
const tokensPerImage = 1_600
// Roles and separators around each message.
const tokensPerMessage = 4

/** Tokens of everything that is sent: one for every four characters, 1600 for an image. */
export function estimateInputTokens({ system = '', messages, tools = [], responseFormat }: ProviderRequest): number {
  let characters = system.length
  let images = 0
  for (const message of messages) {
    const size = sizeOf(message)
    characters += size.characters
    images += size.images
  }
  if (tools.length > 0) characters += lengthOf(tools)
  if (responseFormat?.schema !== undefined) characters += lengthOf(responseFormat.schema)
  return tokensOf(characters) + images * tokensPerImage + messages.length * tokensPerMessage
}

function sizeOf({ content }: Message): { readonly characters: number; readonly images: number } {
  if (typeof content === 'string') return { characters: content.length, images: 0 }
  let characters = 0
  let images = 0
  for (const part of content) {
    if (part.type === 'image') images++
    else if (part.type === 'text') characters += part.text.length
    else if (part.type === 'thinking') characters += part.text.length + (part.redacted?.length ?? 0)
    else if (part.type === 'tool-call') characters += part.name.length + (part.invalidInput?.length ?? lengthOf(part.input))
    else {
      const inner = sizeOf({ role: 'user', content: part.content })
      characters += inner.characters
      images += inner.images
    }
  }
  return { characters, images }
}

/** Adds up what a model has said so far. */
export class OutputMeter {
  #characters = 0
  #hasOutput = false
  // Calls whose input came in pieces, which the whole call repeats.
  readonly #inPieces = new Set<string>()

  /** True once anything came, be it empty. */
  get hasOutput(): boolean {
    return this.#hasOutput
  }

  /** Tokens seen so far: one for every four characters. */
  get tokens(): number {
    return tokensOf(this.#characters)
  }

  add(part: ProviderPart): void {
    if (part.type === 'finish') return
    this.#hasOutput = true
    if (part.type === 'text-delta' || part.type === 'thinking-delta') this.#characters += part.text.length
    else if (part.type === 'tool-call-delta') {
      this.#characters += part.inputText.length
      this.#inPieces.add(part.id)
    } else if (part.type === 'tool-call') {
      this.#characters += part.name.length
      if (!this.#inPieces.delete(part.id)) this.#characters += part.invalidInput?.length ?? lengthOf(part.input)
    }
  }

  /** The usage of a call that broke off, as far as it can be known from outside. */
  usage(inputTokens: number): Usage {
    return { ...noUsage, inputTokens, outputTokens: this.tokens }
  }
}

function tokensOf(characters: number): number {
  return Math.ceil(characters / charactersPerToken)
}

function lengthOf(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0
}
