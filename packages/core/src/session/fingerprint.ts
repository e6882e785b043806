/** Detects whether a repeated message is the same message. */
import type { UserMessage } from '../base/messages.ts'

/**
 * Returns 16 hexadecimal digits for the content of a message. Two different messages share them only by chance, about once in 2^53. The fingerprint
 * finds a key that is reused by mistake. It is no protection against a caller who attacks its own session.
 */
export function fingerprintOf(content: UserMessage['content']): string {
  // The same text has the same fingerprint, whether it is a string or a part.
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  const text = JSON.stringify(
    parts.map((part) =>
      'text' in part ? [part.text] : [part.mediaType, part.data ?? '', part.url ?? '', ...(part.blob === undefined ? [] : [part.blob])],
    ),
  )
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
