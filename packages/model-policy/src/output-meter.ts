/** Estimates the output of a model from its parts, for calls whose service never reported the usage. */
import { type ProviderPart, type Usage, zeroUsage } from '@beamclaw/core'
import { estimateTextTokens } from '@beamclaw/core/adapter'

/** Adds up the parts of one call. */
export class OutputMeter {
  #characters = 0
  #hasOutput = false
  // Tool calls whose input came in pieces, which the complete call repeats.
  readonly #inPieces = new Set<string>()

  /** True once any part of output came, even an empty one. */
  get hasOutput(): boolean {
    return this.#hasOutput
  }

  /** Tokens so far: one for every four characters. */
  get tokens(): number {
    return estimateTextTokens(this.#characters)
  }

  add(part: ProviderPart): void {
    if (part.type === 'finish' || part.type === 'warning') return
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

  /** Returns the estimated usage of an interrupted call. */
  usage(inputTokens: number): Usage {
    return { ...zeroUsage, inputTokens, outputTokens: this.tokens }
  }
}

function lengthOf(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0
}
