/** Text whose UTF-8 bytes, by which Redis orders, are in the order of the code units of the original. */
import type { StoreKey } from '@beamclaw/core'

const end = '\u0000'
const low = '\u0001'
// Everything from here on takes two characters: in UTF-8 surrogates would come before the characters above them, and halves of them have no bytes.
const firstHigh = 0xd800
const high = '\ue000'
const highOffset = 0x100

/** Returns text without U+0000 that Redis orders as JavaScript orders the original. A prefix stays a prefix. */
export function toOrdered(original: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the two that have a meaning here
  return original.replace(/[\u0000\u0001\ud800-\uffff]/g, (unit) => {
    const code = unit.charCodeAt(0)
    return code < firstHigh ? low + String.fromCharCode(code + 1) : high + String.fromCharCode(code - firstHigh + highOffset)
  })
}

/** Returns the original of `toOrdered`. */
export function fromOrdered(ordered: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the two that have a meaning here
  return ordered.replace(/[\u0001\ue000]([\s\S])/g, (pair, unit: string) => {
    const code = unit.charCodeAt(0)
    return String.fromCharCode(pair[0] === low ? code - 1 : code - highOffset + firstHigh)
  })
}

/** Returns the names of a key, without its tenant, as one text: a key comes before the keys below it. */
export function orderedNames([, ...names]: StoreKey): string {
  return names.map((name) => toOrdered(name) + end).join('')
}

/** Returns the names that `orderedNames` was made from. */
export function namesFromOrdered(ordered: string): string[] {
  return ordered.slice(0, -1).split(end).map(fromOrdered)
}

/** Returns the smallest text that no text with this prefix of whole names reaches. */
export function afterPrefix(prefix: string): string {
  return prefix.slice(0, -1) + low
}
