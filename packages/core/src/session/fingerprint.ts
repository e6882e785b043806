/** Tells whether a message that is sent again is the same message. */
import type { UserMessage } from '../base/messages.ts'

/**
 * Returns 16 hexadecimal digits for what a message says. Two different messages have the same ones by accident only, about once in 2^53:
 * this finds a key that is used twice by mistake, and is no protection from a caller who means harm to its own session.
 */
export function fingerprintOf(content: UserMessage['content']): string {
  // The same text, whether or not it came as a part.
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  const text = JSON.stringify(parts.map((part) => ('text' in part ? [part.text] : [part.mediaType, part.data ?? '', part.url ?? ''])))
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    high = Math.imul(high ^ unit, 2_654_435_761)
    low = Math.imul(low ^ unit, 1_597_334_677)
  }
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909)
  low = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909)
  return hexOf(high) + hexOf(low)
}

function hexOf(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
