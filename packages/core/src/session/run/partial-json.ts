/** Reads JSON that is still being written: the complete values so far, and the last string as far as it has arrived. */
import type { JsonValue } from '../../base/messages.ts'

/** Maximum nesting of objects and lists; deeper text is not read until it is complete. */
const maxDepth = 64

const closers: Readonly<Record<string, string>> = { '{': '}', '[': ']' }

/**
 * Returns the object or list at the start of a text that is still being written, as far as it has arrived. Returns undefined before its first bracket,
 * and for text that is not JSON. Leaves out a key without a value, a number that may continue and an incomplete word. Skips text before the first
 * bracket.
 *
 * @example
 * partialJson('{"name": "Ann", "age": 3') // { name: 'Ann' }
 */
export function partialJson(text: string): JsonValue | undefined {
  const start = text.search(/[{[]/)
  if (start < 0) return undefined
  const scan = new Scan(text.slice(start))
  const complete = scan.run()
  if (complete === undefined) return undefined
  try {
    return JSON.parse(complete) as JsonValue
  } catch {
    return undefined
  }
}

/** Scans a text once, and remembers the last position at which the text becomes complete by closing its open brackets. */
class Scan {
  readonly #text: string
  /** The closing brackets of the open objects and lists, the innermost last. */
  readonly #open: string[] = []
  #index = 0
  // The end of the text that is kept, and the ending that completes it.
  #cut = 0
  #ending = ''
  // In an object: whether the next string is a key.
  #isKey = false

  constructor(text: string) {
    this.#text = text
  }

  /** Returns a complete text; undefined for a text that is nested too deeply. */
  run(): string | undefined {
    while (this.#index < this.#text.length) {
      const character = this.#text[this.#index] ?? ''
      if (character === '"') {
        if (!this.#string()) break
      } else if (character in closers) {
        if (this.#open.length >= maxDepth) return undefined
        this.#open.push(closers[character] ?? '')
        this.#isKey = character === '{'
        this.#index++
        this.#keep()
      } else if (character === '}' || character === ']') {
        if (this.#open.pop() !== character) return undefined
        this.#isKey = false
        this.#index++
        this.#keep()
        if (this.#open.length === 0) break
      } else if (character === ',' || character === ':') {
        this.#isKey = character === ',' && this.#open.at(-1) === '}'
        this.#index++
      } else if (/\s/.test(character)) this.#index++
      else if (!this.#word()) break
    }
    return this.#text.slice(0, this.#cut) + this.#ending
  }

  /** Reads a string; returns false when it is incomplete. An incomplete value is kept as far as it has arrived. */
  #string(): boolean {
    let end = this.#index + 1
    while (end < this.#text.length && this.#text[end] !== '"') {
      const length = this.#text[end] !== '\\' ? 1 : this.#text[end + 1] === 'u' ? 6 : 2
      if (end + length > this.#text.length) break
      end += length
    }
    const isWhole = this.#text[end] === '"'
    // The text may end in half of a surrogate pair.
    this.#index = isWhole ? end + 1 : endsInHalf(this.#text, end)
    if (!this.#isKey) this.#keep(isWhole ? '' : '"')
    return isWhole
  }

  /** Reads a number, `true`, `false` or `null`; returns false when it may continue. */
  #word(): boolean {
    const word = /[^\s,:\]}"[{]+/y
    word.lastIndex = this.#index
    const found = word.exec(this.#text)?.[0] ?? ''
    const end = this.#index + found.length
    const isWhole = end < this.#text.length || /^(?:true|false|null)$/.test(found)
    if (!isWhole || found === '') return false
    this.#index = end
    this.#keep()
    return true
  }

  #keep(end = ''): void {
    this.#cut = this.#index
    this.#ending = end + [...this.#open].reverse().join('')
  }
}

/** Returns `end`, or the start of half a surrogate pair before it, whether it is a character or an escape. */
function endsInHalf(text: string, end: number): number {
  const written = text.charCodeAt(end - 1)
  if (written >= 0xd800 && written < 0xdc00) return end - 1
  return /\\u[dD][89abAB][0-9a-fA-F]{2}$/.test(text.slice(Math.max(0, end - 6), end)) ? end - 6 : end
}
