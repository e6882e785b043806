/** Reads JSON that is still being written: what is whole of it so far, and of the last string what there is. */
import type { JsonValue } from '../../base/messages.ts'

/** Objects and lists in each other; deeper text is not read until it is whole. */
const maxDepth = 64

const closers: Readonly<Record<string, string>> = { '{': '}', '[': ']' }

/**
 * Returns the object or list that a text begins to write, as far as it has come; undefined while there is none, and for what is not JSON.
 * A key without a value, a number that may go on and a word that is not whole are left out. Text before the first bracket is passed over.
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

/** Goes through a text once, and keeps the last place at which closing all that is open makes it whole. */
class Scan {
  readonly #text: string
  /** What closes the objects and lists that are open, the innermost last. */
  readonly #open: string[] = []
  #index = 0
  // Up to where the text counts, and what makes that part of it whole.
  #cut = 0
  #ending = ''
  // In an object: the next string is a key.
  #isKey = false

  constructor(text: string) {
    this.#text = text
  }

  /** Returns a text that is whole; undefined for one that is too deep. */
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

  /** Takes a string; false when it is not whole. Of a value what there is of it counts. */
  #string(): boolean {
    let end = this.#index + 1
    while (end < this.#text.length && this.#text[end] !== '"') {
      const length = this.#text[end] !== '\\' ? 1 : this.#text[end + 1] === 'u' ? 6 : 2
      if (end + length > this.#text.length) break
      end += length
    }
    const isWhole = this.#text[end] === '"'
    // Half a character of two code units may be at the end.
    this.#index = isWhole ? end + 1 : endsInHalf(this.#text, end)
    if (!this.#isKey) this.#keep(isWhole ? '' : '"')
    return isWhole
  }

  /** Takes a number, `true`, `false` or `null`; false when it may go on. */
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

/** Returns `end`, or where the half of a pair before it begins, written out or as an escape. */
function endsInHalf(text: string, end: number): number {
  const written = text.charCodeAt(end - 1)
  if (written >= 0xd800 && written < 0xdc00) return end - 1
  return /\\u[dD][89abAB][0-9a-fA-F]{2}$/.test(text.slice(Math.max(0, end - 6), end)) ? end - 6 : end
}
