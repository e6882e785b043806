/** Pieces of an answer as the event loop has time for them: a model that says much at once must not keep other clients waiting. */
import { type Turns, turn } from '../turns.ts'
import type { Piece } from './piece.ts'

/** Characters that one piece is joined, or cut, to. */
const maxLength = 16_384

/** Pieces that are joined at most; a model that has as many ready gets its next turn alone. */
const maxPieces = 250

/**
 * The same pieces. Texts that are ready together come as one, and between any two there is a turn of the event loop.
 * @param leave ends the wait for the next piece, when the reader is gone.
 */
export async function* inTurns(pieces: AsyncIterator<Piece>, turns: Turns, leave: () => void): AsyncGenerator<Piece> {
  const pull = (): Promise<IteratorResult<Piece>> => {
    const pulled = pieces.next()
    // It may fail before its turn comes, which is when that is told.
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
    // Not waited for: a piece may still be to come.
    pieces.return?.().catch(() => {})
  }
}

/** Where the piece that begins at `start` ends: never between the halves of a surrogate pair. */
function cutAt(text: string, start: number): number {
  const end = start + maxLength
  return isHighSurrogate(text.charCodeAt(end - 1)) ? end + 1 : end
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}
