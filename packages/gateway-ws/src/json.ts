/** JSON from untrusted input: what it holds is bounded before anything is made of it. */

export interface JsonLimits {
  /** Objects and lists within each other. */
  readonly maxDepth: number
  /** Values in all: each object, list, string, number and literal, and each name. */
  readonly maxValues: number
}

export type JsonProblem = 'not-json' | 'too-deep' | 'too-many-values'

/** The value, or why there is none. A text beyond the limits is not parsed: a million small values take seconds and a gigabyte to check. */
export function parseJson(text: string, limits: JsonLimits): { readonly value: unknown } | { readonly problem: JsonProblem } {
  const measured = measureJson(text, limits)
  if ('problem' in measured) return measured
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return { problem: 'not-json' }
  }
}

const quote = 0x22
const backslash = 0x5c

/** Counts the values of a text that may be JSON. Reads it once, and no further than to the first limit; allocates nothing. */
export function measureJson(
  text: string,
  { maxDepth, maxValues }: JsonLimits,
): { readonly values: number } | { readonly problem: JsonProblem } {
  let depth = 0
  let values = 1
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case quote:
        index = endOfString(text, index)
        break
      // What follows a comma, a colon or an opening bracket is one more.
      case 0x2c:
      case 0x3a:
        values++
        break
      case 0x5b:
      case 0x7b:
        values++
        if (++depth > maxDepth) return { problem: 'too-deep' }
        break
      case 0x5d:
      case 0x7d:
        depth--
    }
    if (values > maxValues) return { problem: 'too-many-values' }
  }
  return { values }
}

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes++
    if (backslashes % 2 === 0) return end
  }
  return text.length
}
