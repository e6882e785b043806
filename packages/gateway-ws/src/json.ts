/** JSON from untrusted input: its size is bounded before it is parsed. */

export interface JsonLimits {
  /** Nesting depth of objects and lists. */
  readonly maxDepth: number
  /** Number of values: each object, list, string, number, literal and property name. */
  readonly maxValues: number
}

export type JsonProblem = 'not-json' | 'too-deep' | 'too-many-values'

/** Returns the value, or the problem. A text beyond the limits is not parsed: a million small values take seconds and a gigabyte to check. */
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

/** Counts the values of a text that may be JSON. Reads it once, up to the first exceeded limit; allocates nothing. */
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
      // A comma, a colon or an opening bracket starts one more value.
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
