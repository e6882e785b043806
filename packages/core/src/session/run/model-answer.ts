/** Assembles a model's answer from its parts. Any provider may have made them, so each part is checked first. */
import type { Clock } from '@beamclaw/actor'
import { BeamClawError } from '../../base/errors.ts'
import {
  choiceOf,
  customPartOf,
  type Fail,
  fieldsOf,
  metadataOf,
  nameOf,
  pieceOf,
  stringOf,
  toolCallOf,
  usageOf,
} from '../../base/message-check.ts'
import type { AnswerPart, AssistantMessage, FinishReason, ProviderMetadata, Usage } from '../../base/messages.ts'
import { PairJoiner } from '../../base/well-formed.ts'
import type { ProviderPart } from '../../ports/provider.ts'
import type { ProviderStream } from '../../provider/provider-stream.ts'
import { untilAborted } from '../../provider/until-aborted.ts'
import { finishReasons } from '../journal/record-check.ts'
import type { EventLoopTurns } from './event-loop-turns.ts'

/** A complete answer. */
export interface ModelAnswer {
  readonly message: AssistantMessage
  readonly finish: FinishReason
  readonly usage: Usage
}

/** A piece of an answer that is published as it arrives. */
export type ShownPiece = Extract<ProviderPart, { type: 'text-delta' | 'thinking-delta' | 'warning' }>

/** Controls how an answer is read. */
export interface AnswerReading {
  /** Stops the reading at once, whether or not the provider reacts to it. */
  readonly signal: AbortSignal
  readonly turns: EventLoopTurns
  readonly clock: Clock
  /** Resolves once the record of the request is durable. Nothing of the answer is seen before; a rejection ends the call. @default at once */
  readonly durable?: Promise<void>
}

/** Milliseconds that a stream may stay open after its `finish`. The reader waits, because a provider would take an early return for an abort. */
const endGraceMs = 1_000

/** Maximum characters of text, thinking and tool inputs in one answer: far more than any model writes, and little memory. */
const maxCharacters = 16 * 1024 * 1024

/** Maximum parts of one answer. Consecutive text is one part, and each tool call is one. */
const maxParts = 10_000

/** Maximum warnings of one answer: a request has fewer settings. */
const maxWarnings = 100

/**
 * Reads a provider's stream up to its `finish`, and passes each piece of text and thinking, and each warning, to `onPiece`. Throws what the stream throws,
 * `provider-aborted`, and `provider-protocol` when the stream ends early, does not end, or yields a value that is not part of an answer. Yields to
 * the event loop, for streams that never wait for I/O.
 */
export async function readAnswer(
  start: () => AsyncIterable<ProviderPart>,
  { signal, turns, clock, durable }: AnswerReading,
  onPiece: (piece: ShownPiece) => void,
): Promise<ModelAnswer> {
  const answer = new GrowingAnswer()
  const parts = untilAborted(start, signal, durable)
  try {
    while (answer.isGrowing) {
      let part = parts.takeReady?.()
      if (part === undefined) {
        const next = await parts.next()
        if (next.done === true) break
        part = next.value
      }
      answer.add(part, onPiece)
      const turn = turns.dueAmongMany()
      if (turn !== undefined) await turn
    }
    const whole = answer.whole()
    if (parts.hasEnded?.() !== true) await endOf(parts, clock)
    return whole
  } finally {
    // The reader does not wait for the provider's cleanup, and ignores its errors.
    parts.return?.().catch(() => {})
  }
}

/** Waits a limited time for the end of a stream after its `finish`. An error that the stream throws now does not affect the answer. */
function endOf(parts: ProviderStream, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(resolve, endGraceMs, true)
    const end = (): void => {
      timer.cancel()
      resolve()
    }
    parts.next().then(end, end)
  })
}

const fail: Fail = (problem) => new BeamClawError('provider-protocol', `The provider sent a part that is not part of an answer: ${problem}`)

function endless(what: string): BeamClawError {
  return new BeamClawError('provider-protocol', `The answer was stopped: it has ${what}`, { isRetryable: false })
}

class GrowingAnswer {
  readonly #content: AnswerPart[] = []
  readonly #callIds = new Set<string>()
  // By id: the number for its next repeat, unless that number is taken.
  readonly #repeats = new Map<string, number>()
  readonly #textPieces = new PairJoiner()
  readonly #thinkingPieces = new PairJoiner()
  #text = ''
  #thinking = ''
  #answer: ModelAnswer | undefined
  #characters = 0
  #warnings = 0

  /** True until the `finish`. */
  get isGrowing(): boolean {
    return this.#answer === undefined
  }

  add(value: unknown, onPiece: (piece: ShownPiece) => void): void {
    const part = fieldsOf(value, 'part', fail)
    switch (part.type as ProviderPart['type']) {
      case 'text-delta': {
        const piece = pieceOf(part.text, 'part.text', fail)
        this.#endThinking()
        const text = this.#textPieces.add(piece)
        this.#grow(text.length)
        this.#text += text
        return onPiece({ type: 'text-delta', text })
      }
      case 'thinking-delta': {
        const piece = pieceOf(part.text, 'part.text', fail)
        this.#endText()
        const text = this.#thinkingPieces.add(piece)
        this.#grow(text.length)
        this.#thinking += text
        return onPiece({ type: 'thinking-delta', text })
      }
      case 'text-end':
        this.#endThinking()
        return this.#endText(this.#metadataOf(part))
      case 'thinking-end':
        this.#endText()
        return this.#endThinking(this.#metadataOf(part))
      case 'tool-call': {
        const call = toolCallOf(part, 'part', fail)
        this.#end()
        this.#grow(call.name.length + (JSON.stringify(call.input)?.length ?? 0) + sizeOf(call))
        this.#content.push({ ...call, id: this.#freeId(call.id) })
        return
      }
      case 'custom': {
        const block = customPartOf(part, 'part', fail)
        this.#end()
        this.#grow(block.kind.length + sizeOf(block))
        this.#content.push(block)
        return
      }
      case 'warning': {
        const warning = { setting: nameOf(part.setting, 'part.setting', fail), message: stringOf(part.message, 'part.message', fail) }
        if (++this.#warnings <= maxWarnings) onPiece({ type: 'warning', ...warning })
        return
      }
      case 'finish': {
        const finish = choiceOf(part.reason, finishReasons, 'part.reason', fail)
        const usage = usageOf(part.usage, 'part.usage', fail)
        this.#end()
        this.#answer = { message: { role: 'assistant', content: this.#content, ...this.#metadataOf(part) }, finish, usage }
      }
    }
  }

  whole(): ModelAnswer {
    if (this.#answer !== undefined) return this.#answer
    throw new BeamClawError('provider-protocol', 'The answer ended without a finish part')
  }

  #grow(characters: number): void {
    this.#characters += characters
    if (this.#characters > maxCharacters) throw endless(`more than ${maxCharacters} characters`)
    if (this.#content.length >= maxParts) throw endless(`more than ${maxParts} parts`)
  }

  /** Returns an id that is unique in the answer: results refer to their calls by id. */
  #freeId(id: string): string {
    const base = id === '' ? 'call' : id
    let free = base
    let next = this.#repeats.get(base) ?? 2
    for (; this.#callIds.has(free); next++) free = `${base}_${next}`
    this.#repeats.set(base, next)
    this.#callIds.add(free)
    return free
  }

  #metadataOf(part: Readonly<Record<string, unknown>>): WithMetadata {
    const metadata = metadataOf(part, 'part', fail)
    this.#grow(sizeOf(metadata))
    return metadata
  }

  #end(): void {
    this.#endThinking()
    this.#endText()
  }

  #endText(metadata: WithMetadata = {}): void {
    this.#text += this.#textPieces.end()
    if (this.#text !== '' || metadata.providerMetadata !== undefined) this.#content.push({ type: 'text', text: this.#text, ...metadata })
    this.#text = ''
  }

  #endThinking(metadata: WithMetadata = {}): void {
    this.#thinking += this.#thinkingPieces.end()
    if (this.#thinking !== '' || metadata.providerMetadata !== undefined) {
      this.#content.push({ type: 'thinking', text: this.#thinking, ...metadata })
    }
    this.#thinking = ''
  }
}

interface WithMetadata {
  readonly providerMetadata?: ProviderMetadata
}

/** Returns the characters of the metadata as JSON. */
function sizeOf({ providerMetadata }: WithMetadata): number {
  return providerMetadata === undefined ? 0 : JSON.stringify(providerMetadata).length
}
