/** A message to a durable session, as a stream that never takes anything back. */
import { type RunEvent, type RunStream, textOf } from '@beamclaw/core'
import { HttpFailure } from './http-failure.ts'
import type { Piece } from './piece.ts'

/** Text between the answers of two turns. */
const turnGap = '\n\n'

/** The answer in one piece, once it is there. */
export async function* wholeSessionAnswer(run: RunStream): AsyncGenerator<Piece> {
  const { text, finish, usage } = await run.result()
  yield { type: 'end', finish: finish ?? 'stop', usage, text }
}

/** The answer as it comes. */
export async function* sessionAnswer(run: RunStream): AsyncGenerator<Piece> {
  const spoken = new SpokenText(run.runId)
  for await (const event of run) {
    const text = spoken.hear(event)
    if (text !== '') yield { type: 'text', text }
  }
  const { text, finish, usage } = await run.result()
  // A repeated message gets the answer of the first run, which nobody streams any more.
  if (!spoken.hasSpoken && text !== '') yield { type: 'text', text }
  yield { type: 'end', finish: finish ?? 'stop', usage }
}

/**
 * What of a run can be said without ever taking it back. When an attempt is void, the next one begins in silence: as long as it says what
 * was said before, nothing is lost. When it says something else, the stream ends with an error that tells where the answer is.
 */
class SpokenText {
  readonly #runId: string
  #turn = 0
  /** What was said in this turn. */
  #spoken = ''
  /** What this attempt has come to. */
  #heard = ''
  hasSpoken = false

  constructor(runId: string) {
    this.#runId = runId
  }

  /** The text to add, which may be empty. Throws when what was said does not hold any more. */
  hear(event: RunEvent): string {
    switch (event.type) {
      case 'model-request':
        this.#heard = ''
        return ''
      case 'text-delta':
        return this.#grow(event.turn, this.#heardOf(event.turn) + event.text)
      case 'message': {
        const text = textOf(event.message)
        const rest = this.#grow(event.turn, text)
        if (text.length < this.#spoken.length) throw restarted(this.#runId)
        return rest
      }
      default:
        return ''
    }
  }

  #heardOf(turn: number): string {
    return turn === this.#turn ? this.#heard : ''
  }

  #grow(turn: number, heard: string): string {
    let gap = ''
    if (turn !== this.#turn) {
      this.#turn = turn
      this.#spoken = ''
      gap = this.hasSpoken ? turnGap : ''
    }
    this.#heard = heard
    if (heard.length <= this.#spoken.length) {
      if (this.#spoken.startsWith(heard)) return ''
      throw restarted(this.#runId)
    }
    if (!heard.startsWith(this.#spoken)) throw restarted(this.#runId)
    const text = heard.slice(this.#spoken.length)
    this.#spoken = heard
    this.hasSpoken = true
    return gap + text
  }
}

function restarted(runId: string): HttpFailure {
  const how = `send the same message again with the header "Idempotency-Key: ${runId}" to get it whole`
  return new HttpFailure(502, 'server_error', 'answer-restarted', `The model began its answer anew, and what was streamed is void; ${how}`)
}
