/** Paces the pieces of an answer by the event loop, so that a fast model cannot starve other clients. */
import { type Turns, turn } from '../turns.ts'
import type { Piece } from './piece.ts'

/** Maximum characters of a piece after joining or splitting. */
const maxLength = 16_384

/** Maximum number of pieces to join; a model with more pieces ready waits for another turn. */
const maxPieces = 250

/**
 * Yields the same content. Texts that are ready together are joined, and between two pieces the event loop gets a turn.
 * @param leave ends the wait for the next piece when the client has disconnected.
 */
export async function* inTurns(pieces: AsyncIterator<Piece>, turns: Turns, leave: () => void): AsyncGenerator<Piece> {
  const pull = (): Promise<IteratorResult<Piece>> => {
    const pulled = pieces.next()
    // It may reject before its turn; the rejection is reported in its turn.
    pulled.catch(() => {})
    return pulled
  }
  let next = pull()
  try {
    for (;;) {
      const first = await next
      if (first.done === true) return
      next = pull()
      if (first.value.type !== 'text') {
        yield first.value
        continue
      }
      const over = turn()
      let { text } = first.value
      let count = 1
      for (; count < maxPieces && text.length < maxLength; count++) {
        const more = await Promise.race([next, over]).catch(() => undefined)
        if (more === undefined || more.done === true || more.value.type !== 'text') break
        text += more.value.text
        next = pull()
      }
      const isMuch = count === maxPieces || text.length >= maxLength
      await (isMuch ? turns.next() : over)
      let start = 0
      for (let end = cutAt(text, start); end < text.length; end = cutAt(text, start)) {
        yield { type: 'text', text: text.slice(start, end) }
        await turns.next()
        start = end
      }
      yield { type: 'text', text: text.slice(start) }
    }
  } finally {
    leave()
    // Not awaited: a piece may still be under way.
    pieces.return?.().catch(() => {})
  }
}

/** Returns the end of the piece that begins at `start`; never between the halves of a surrogate pair. */
function cutAt(text: string, start: number): number {
  const end = start + maxLength
  return isHighSurrogate(text.charCodeAt(end - 1)) ? end + 1 : end
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}
