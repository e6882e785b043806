/** Joins the pieces of `reasoning_details`, which OpenRouter wants back whole with the message: openrouter.ai/docs/use-cases/reasoning-tokens. */
import type { JsonObject } from '@beamclaw/core'

type Detail = Record<string, unknown>

/** More is not kept: far above the longest encrypted reasoning, and below what a message may keep. */
const maxCharacters = 900_000

/** The details of one answer, in the order they began. Pieces of one type and index are one detail. */
export class ReasoningDetails {
  readonly #details: Detail[] = []
  #characters = 0

  add(pieces: readonly unknown[]): void {
    for (const piece of pieces) {
      if (typeof piece !== 'object' || piece === null || Array.isArray(piece)) continue
      this.#characters += JSON.stringify(piece).length
      if (this.#characters <= maxCharacters) this.#join({ ...piece } as Detail)
    }
  }

  /** Returns the whole list; undefined where there is none, or too much to keep. */
  whole(): readonly JsonObject[] | undefined {
    return this.#details.length === 0 || this.#characters > maxCharacters ? undefined : (this.#details as JsonObject[])
  }

  #join(piece: Detail): void {
    const field = piece.type === 'reasoning.text' ? 'text' : piece.type === 'reasoning.summary' ? 'summary' : undefined
    const known =
      field === undefined ? undefined : this.#details.findLast((detail) => detail.type === piece.type && detail.index === piece.index)
    if (field === undefined || known === undefined) {
      this.#details.push(piece)
      return
    }
    const { [field]: text, ...rest } = piece
    // The signature comes with a later piece, and empty before.
    for (const [name, value] of Object.entries(rest)) if (value !== null && value !== undefined && value !== '') known[name] = value
    if (typeof text === 'string') known[field] = (typeof known[field] === 'string' ? known[field] : '') + text
  }
}
