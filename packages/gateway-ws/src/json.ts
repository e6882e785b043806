/** JSON from strangers. */

/** The value, or undefined for text that is not JSON or is nested deeper than `maxDepth`. */
export function parseJson(text: string, maxDepth: number): { readonly value: unknown } | { readonly problem: 'not-json' | 'too-deep' } {
  if (isDeeperThan(text, maxDepth)) return { problem: 'too-deep' }
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return { problem: 'not-json' }
  }
}

const quote = 0x22
const backslash = 0x5c

/** Looked at before parsing: what is nested deep enough takes the stack of whoever walks over it. */
function isDeeperThan(text: string, maxDepth: number): boolean {
  let depth = 0
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case quote:
        index = endOfString(text, index)
        break
      case 0x5b:
      case 0x7b:
        if (++depth > maxDepth) return true
        break
      case 0x5d:
      case 0x7d:
        depth--
    }
  }
  return false
}

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes++
    if (backslashes % 2 === 0) return end
  }
  return text.length
}
