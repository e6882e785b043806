/** What of a run can be said without ever taking it back. Pure. */
import { type RunEvent, textOf } from '@beamclaw/core'
import type { SaidSoFar } from '../ws/hub/run-listener.ts'
import { HttpFailure } from './http-failure.ts'

/** Text between the answers of two turns. */
const turnGap = '\n\n'

/**
 * When an attempt is void, the next one begins in silence: as long as it says what was said before, nothing is lost. When it says something
 * else, the stream ends with an error that tells where the answer is. The cost of an answer grows with its length, and not with its square.
 */
export class SpokenText {
  readonly #runId: string
  #turn: number
  /** What was said in this turn. */
  #spoken: string
  /** How much of that this attempt has said. */
  #heard: number
  hasSpoken: boolean

  /** @param said what the reader has been told already. */
  constructor(runId: string, said: SaidSoFar | undefined) {
    this.#runId = runId
    this.#turn = said?.turn ?? 0
    this.#spoken = said?.text ?? ''
    this.#heard = this.#spoken.length
    this.hasSpoken = said !== undefined && said.whole !== ''
  }

  /** The text to add, which may be empty. Throws `answer-restarted` when what was said does not hold any more. */
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

  /** What is left to say of the answer that this turn came to. */
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
    // Only a later attempt repeats what was said; the first one never looks back.
    if (known > 0 && !this.#spoken.startsWith(text.slice(0, known), this.#heard)) throw restarted(this.#runId)
    const rest = text.slice(known)
    this.#heard += text.length
    this.#spoken += rest
    return rest
  }
}

function restarted(runId: string): HttpFailure {
  const how = `send the same message again with the header "Idempotency-Key: ${runId}" to get it whole`
  return new HttpFailure(502, 'server_error', 'answer-restarted', `The model began its answer anew, and what was streamed is void; ${how}`)
}
