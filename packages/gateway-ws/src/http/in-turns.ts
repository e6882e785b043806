/** Pieces of an answer as the event loop has time for them: a model that says much at once must not keep other clients waiting. */
import type { Turns } from '../turns.ts'
import type { Piece } from './piece.ts'

/** Characters that one piece is joined up to. */
const maxLength = 16_384

/** Pieces that are taken in one turn of the event loop. */
const maxPieces = 1_000

/** The same pieces. Texts that are ready together come as one, and between any two there is a turn of the event loop. */
export async function* inTurns(pieces: AsyncIterator<Piece>, turns: Turns): AsyncGenerator<Piece> {
  let next = pieces.next()
  try {
    for (;;) {
      const first = await next
      if (first.done === true) return
      next = pieces.next()
      if (first.value.type !== 'text') {
        yield first.value
        continue
      }
      const over = turns.nextFor(first.value.text.length)
      let { text } = first.value
      for (let count = 1; count < maxPieces && text.length < maxLength; count++) {
        const more = await Promise.race([next, over])
        if (more === undefined || more.done === true || more.value.type !== 'text') break
        text += more.value.text
        next = pieces.next()
      }
      await over
      yield { type: 'text', text }
    }
  } finally {
    // Whoever leaves does not wait for a piece that is still to come.
    next.catch(() => {})
    await pieces.return?.()
  }
}
