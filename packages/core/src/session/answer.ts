/** Puts a model's answer together from its pieces, which any provider may have made: each is checked before it counts. */
import { BeamClawError } from '../errors.ts'
import { choiceOf, type Fail, fieldsOf, pieceOf, sealOf, toolCallOf, usageOf } from '../message-check.ts'
import type { AssistantMessage, TextPart, ThinkingPart, ToolCall, Usage } from '../messages.ts'
import type { FinishReason, ProviderPart } from '../ports/provider.ts'
import { PairJoiner } from '../well-formed.ts'
import type { EventLoopTurns } from './event-loop-turns.ts'
import { finishReasons } from './record-check.ts'

/** A whole answer. */
export interface Answer {
  readonly message: AssistantMessage
  readonly finish: FinishReason
  readonly usage: Usage
}

/** A piece of an answer that is shown while it comes. */
export type ShownPiece = Extract<ProviderPart, { type: 'text-delta' | 'thinking-delta' }>

/**
 * Reads a provider's stream to its end, showing each piece of text and thinking to `onPiece`. Throws what the stream throws, or
 * `provider-protocol` when it ends early or yields what is no part of an answer. A stream that never waits for I/O gives the event loop its
 * turns here.
 */
export async function readAnswer(
  stream: AsyncIterable<ProviderPart>,
  turns: EventLoopTurns,
  onPiece: (piece: ShownPiece) => void,
): Promise<Answer> {
  const answer = new GrowingAnswer()
  for await (const part of stream) {
    answer.add(part, onPiece)
    const turn = turns.due()
    if (turn !== undefined) await turn
  }
  return answer.whole()
}

const fail: Fail = (problem) => new BeamClawError('provider-protocol', `The provider sent a part that is not part of an answer: ${problem}`)

class GrowingAnswer {
  readonly #content: (TextPart | ThinkingPart | ToolCall)[] = []
  readonly #callIds = new Set<string>()
  readonly #textPieces = new PairJoiner()
  readonly #thinkingPieces = new PairJoiner()
  #text = ''
  #thinking = ''
  #answer: Answer | undefined

  add(value: unknown, onPiece: (piece: ShownPiece) => void): void {
    const part = fieldsOf(value, 'part', fail)
    switch (part.type as ProviderPart['type']) {
      case 'text-delta': {
        const piece = pieceOf(part.text, 'part.text', fail)
        this.#endThinking()
        const text = this.#textPieces.add(piece)
        this.#text += text
        return onPiece({ type: 'text-delta', text })
      }
      case 'thinking-delta': {
        const piece = pieceOf(part.text, 'part.text', fail)
        this.#endText()
        const text = this.#thinkingPieces.add(piece)
        this.#thinking += text
        return onPiece({ type: 'thinking-delta', text })
      }
      case 'thinking-end':
        this.#endText()
        return this.#endThinking(sealOf(part, 'part', fail))
      case 'tool-call': {
        const call = toolCallOf(part, 'part', fail)
        this.#end()
        this.#content.push({ ...call, id: this.#freeId(call.id) })
        return
      }
      case 'finish': {
        const finish = choiceOf(part.reason, finishReasons, 'part.reason', fail)
        this.#end()
        // The stream is read on to its end, which follows: leaving now would be taken for an abort.
        this.#answer = { message: { role: 'assistant', content: this.#content }, finish, usage: usageOf(part.usage, 'part.usage', fail) }
      }
    }
  }

  whole(): Answer {
    if (this.#answer !== undefined) return this.#answer
    throw new BeamClawError('provider-protocol', 'The answer ended without saying why')
  }

  /** Results are told apart by the ids of their calls, so no two calls of one answer may share one. */
  #freeId(id: string): string {
    let free = id === '' ? 'call' : id
    for (let next = 2; this.#callIds.has(free); next++) free = `${id === '' ? 'call' : id}_${next}`
    this.#callIds.add(free)
    return free
  }

  #end(): void {
    this.#endThinking()
    this.#endText()
  }

  #endText(): void {
    this.#text += this.#textPieces.end()
    if (this.#text !== '') this.#content.push({ type: 'text', text: this.#text })
    this.#text = ''
  }

  #endThinking(seal: Pick<ThinkingPart, 'signature' | 'redacted'> = {}): void {
    this.#thinking += this.#thinkingPieces.end()
    if (this.#thinking !== '' || seal.redacted !== undefined) this.#content.push({ type: 'thinking', text: this.#thinking, ...seal })
    this.#thinking = ''
  }
}
