/** Keeps text well-formed Unicode, also after a cut: a model service refuses a lone surrogate, and so every later request with it in the history. */
import type { JsonValue } from './messages.ts'

/** Returns at most the first `maximum` UTF-16 code units, without a lone surrogate at the end. */
export function firstCharacters(text: string, maximum: number): string {
  if (text.length <= maximum) return text
  return text.slice(0, isInsidePair(text, maximum) ? maximum - 1 : maximum)
}

/** Returns at most the last `maximum` UTF-16 code units, without a lone surrogate at the start. */
export function lastCharacters(text: string, maximum: number): string {
  const start = text.length - maximum
  if (start <= 0) return text
  return text.slice(isInsidePair(text, start) ? start + 1 : start)
}

/** Returns JSON text in which each lone surrogate is replaced by U+FFFD. Throws what `JSON.stringify` throws. */
export function wellFormedJson(value: unknown): string | undefined {
  const text = JSON.stringify(value)
  // `JSON.stringify` escapes lone surrogates, and nothing else, in this form; an escaped backslash can look like it, which does no harm.
  return text === undefined || !/\\ud[89a-f]/.test(text) ? text : JSON.stringify(wellFormedValue(JSON.parse(text) as JsonValue))
}

function wellFormedValue(value: JsonValue): JsonValue {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(wellFormedValue)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name.toWellFormed(), wellFormedValue(inner as JsonValue)]))
}

/** Joins pieces of a text that may be cut in the middle of a surrogate pair. Owns the high surrogate that the last piece ended with. */
export class PairJoiner {
  #half = ''

  /** Returns the piece, after the surrogate that was held back and without one at its own end. */
  add(piece: string): string {
    const text = this.#half + piece
    const isCut = isHigh(text.charCodeAt(text.length - 1))
    this.#half = isCut ? text.slice(-1) : ''
    return (isCut ? text.slice(0, -1) : text).toWellFormed()
  }

  /** Returns U+FFFD for a surrogate that the text ended with; otherwise the empty string. */
  end(): string {
    const rest = this.#half.toWellFormed()
    this.#half = ''
    return rest
  }
}

function isInsidePair(text: string, index: number): boolean {
  return isHigh(text.charCodeAt(index - 1)) && isLow(text.charCodeAt(index))
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}
