/** Adds up what a model says, for calls whose service never got to count it. */
import { type ProviderPart, type Usage, zeroUsage } from '@beamclaw/core'
import { estimateTextTokens } from '@beamclaw/core/adapter'

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
    return estimateTextTokens(this.#characters)
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
    return { ...zeroUsage, inputTokens, outputTokens: this.tokens }
  }
}

function lengthOf(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0
}
