/** The text of a run, piece by piece, for a caller that only prints. */
import type { RunEvent } from '../../base/events.ts'
import { textOf } from '../../base/messages.ts'

/**
 * Yields the text of all turns of a run. When an attempt repeats the text of a broken attempt, yields only the text after it; when its text differs,
 * yields all of it. With `isWhole` the events have every piece of the text; without it each turn is one piece.
 */
export async function* textPieces(events: AsyncIterable<RunEvent>, isWhole: boolean): AsyncGenerator<string, void, void> {
  const text = new TurnText()
  for await (const event of events) {
    let piece = ''
    if (event.type === 'model-request') text.begin(event.turn)
    else if (event.type === 'text-delta' && isWhole) piece = text.add(event.text)
    else if (event.type === 'message') piece = text.complete(textOf(event.message))
    if (piece !== '') yield piece
  }
}

/** The text of one turn. I1: `#told` is the text yielded of the turn. I2: `#heard` is the text of the present attempt while it is shorter than `#told`. */
class TurnText {
  #turn = 0
  #told = ''
  #heard: string | undefined

  begin(turn: number): void {
    if (turn !== this.#turn) this.#told = ''
    this.#turn = turn
    this.#heard = this.#told === '' ? undefined : ''
  }

  add(piece: string): string {
    if (this.#heard === undefined) {
      this.#told += piece
      return piece
    }
    this.#heard += piece
    // Compared once, so that the cost stays linear in the length of the answer.
    return this.#heard.length < this.#told.length ? '' : this.complete(this.#heard)
  }

  /** Returns the part of the text that was not yielded yet. */
  complete(text: string): string {
    const rest = text.startsWith(this.#told) ? text.slice(this.#told.length) : text
    this.#told = text
    this.#heard = undefined
    return rest
  }
}
