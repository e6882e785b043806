/** Decides which text of a run can be streamed without ever retracting it. Pure. */
import { type RunEvent, textOf } from '@beamclaw/core'
import type { SaidSoFar } from '../ws/hub/run-listener.ts'
import { HttpFailure } from './http-failure.ts'

/** Text between the answers of two turns. */
const turnGap = '\n\n'

/**
 * After an attempt is void, the next one is silent as long as it repeats the text already streamed. When it differs, the stream ends with an
 * error that names the way to the answer. The cost of an answer is linear in its length.
 */
export class SpokenText {
  readonly #runId: string
  #turn: number
  /** The streamed text of this turn. */
  #spoken: string
  /** The length of it that this attempt has repeated. */
  #heard: number
  hasSpoken: boolean

  /** @param said the text that the reader has already. */
  constructor(runId: string, said: SaidSoFar | undefined) {
    this.#runId = runId
    this.#turn = said?.turn ?? 0
    this.#spoken = said?.text ?? ''
    this.#heard = this.#spoken.length
    this.hasSpoken = said !== undefined && said.whole !== ''
  }

  /** Returns the text to add, possibly empty. Throws `answer-restarted` when the streamed text is void. */
  hear(event: RunEvent): string {
    switch (event.type) {
      case 'model-request':
        if (event.turn === this.#turn) this.#heard = 0
        return ''
      case 'text-delta':
        return this.#inTurn(event.turn, () => this.#grow(event.text))
      case 'message':
        return this.#inTurn(event.turn, () => this.close(textOf(event.message)))
      default:
        return ''
    }
  }

  /** Returns the rest of the turn's final text. */
  close(text: string): string {
    if (!text.startsWith(this.#spoken)) throw restarted(this.#runId)
    const rest = text.slice(this.#spoken.length)
    this.#spoken = text
    this.#heard = text.length
    return rest
  }

  #inTurn(turn: number, more: () => string): string {
    if (turn !== this.#turn) {
      this.#turn = turn
      this.#spoken = ''
      this.#heard = 0
    }
    const isFirst = this.#spoken === ''
    const text = more()
    if (text === '') return ''
    const gap = isFirst && this.hasSpoken ? turnGap : ''
    this.hasSpoken = true
    return gap + text
  }

  #grow(text: string): string {
    const known = Math.min(text.length, this.#spoken.length - this.#heard)
    // Only a later attempt can repeat streamed text; the first one has nothing to compare.
    if (known > 0 && !this.#spoken.startsWith(text.slice(0, known), this.#heard)) throw restarted(this.#runId)
    const rest = text.slice(known)
    this.#heard += text.length
    this.#spoken += rest
    return rest
  }
}

function restarted(runId: string): HttpFailure {
  const how = `send the same message again with the header "Idempotency-Key: ${runId}" to get it whole`
  return new HttpFailure(502, 'server_error', 'answer-restarted', `The model restarted its answer, so the streamed text is void; ${how}`)
}
