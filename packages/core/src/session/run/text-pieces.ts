/** The text of a run, piece by piece: what a caller that only prints needs of its events. */
import type { RunEvent } from '../../base/events.ts'
import { textOf } from '../../base/messages.ts'

/**
 * Yields the text of all turns of a run. An attempt that repeats what a broken one has said yields only what comes after it; one that says something else
 * yields all of it. `isWhole`: the events have every piece of the text; else each turn is one piece.
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

/** The text of one turn. I1 `#told` is what was yielded of the turn. I2 `#heard` is what the present attempt has said while it is behind that. */
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
    // Compared once, so that an answer costs as much as it is long.
    return this.#heard.length < this.#told.length ? '' : this.complete(this.#heard)
  }

  /** Returns what of the text was not told. */
  complete(text: string): string {
    const rest = text.startsWith(this.#told) ? text.slice(this.#told.length) : text
    this.#told = text
    this.#heard = undefined
    return rest
  }
}
