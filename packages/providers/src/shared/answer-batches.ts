/** One streamed answer as batches of parts: those that arrived together. */
import { BeamClawError, type ProviderPart } from '@beamclaw/core'
import type { AnswerReader } from './answer-reader.ts'
import { isBrokenEnding } from './failure.ts'
import type { HttpAnswer } from './http.ts'
import type { ServerSentEvent } from './sse.ts'

/** The events in the body of an answer. */
export interface AnswerEvents {
  /** Resolves with the next chunk of the body; undefined at its end. */
  read(): Promise<Uint8Array | undefined>
  /** Returns the events that a chunk completes. */
  in(chunk: Uint8Array): Iterable<ServerSentEvent>
  /** Returns the events that the end completes. */
  atEnd(): Iterable<ServerSentEvent>
}

/** An answer whose headers have arrived with status 200. */
export interface BegunAnswer {
  readonly answer: HttpAnswer
  readonly events: AnswerEvents
}

type Batch = readonly ProviderPart[]

/**
 * Phases: `new → reading → complete → over`, `failed` from `reading`, and `over` from anywhere. One call of `next` at a time. Owns the connection from
 * `reading` on, and releases it when it is over.
 *
 * Not a generator: each `yield` costs several microtasks, and an answer has a chunk for each word.
 *
 * - I1: the parts before an error come before the error.
 * - I2: once the finish reason has arrived the answer is complete; a broken ending loses only the usage.
 */
export class AnswerBatches {
  readonly #begin: () => Promise<BegunAnswer>
  readonly #reader: AnswerReader
  #begun: BegunAnswer | undefined
  #phase: 'new' | 'reading' | 'complete' | 'failed' | 'over' = 'new'
  #error: unknown

  /** `begin` sends the request. */
  constructor(reader: AnswerReader, begin: () => Promise<BegunAnswer>) {
    this.#reader = reader
    this.#begin = begin
  }

  async next(): Promise<IteratorResult<Batch, void>> {
    try {
      if (this.#phase === 'new') {
        const begun = await this.#begin()
        this.#begun = begun
        // Left meanwhile.
        if (this.#phase !== 'new') throw new BeamClawError('provider-aborted', 'The call is over')
        this.#phase = 'reading'
      }
      if (this.#phase === 'reading' && this.#begun !== undefined) return { done: false, value: await this.#read(this.#begun.events) }
      if (this.#phase === 'failed') throw this.#error
      if (this.#phase === 'complete') await this.#begun?.answer.drain()
    } catch (error) {
      this.#end()
      throw error
    }
    this.#end()
    return { done: true, value: undefined }
  }

  return(): void {
    this.#end()
  }

  async #read(events: AnswerEvents): Promise<Batch> {
    let chunk: Uint8Array | undefined
    try {
      chunk = await events.read()
    } catch (error) {
      return this.#broken([], error)
    }
    const parts: ProviderPart[] = []
    const reader = this.#reader
    try {
      for (const event of chunk === undefined ? events.atEnd() : events.in(chunk))
        if (!reader.isDone) for (const part of reader.read(event)) parts.push(part)
    } catch (error) {
      return this.#broken(parts, error)
    }
    if (chunk === undefined || reader.isDone) return this.#complete(parts)
    if (reader.isFinished) this.#begun?.answer.expectEnding()
    return parts
  }

  #broken(parts: ProviderPart[], error: unknown): Batch {
    if (this.#reader.isFinished && isBrokenEnding(error)) return this.#complete(parts)
    return this.#fail(parts, error)
  }

  #complete(parts: ProviderPart[]): Batch {
    try {
      parts.push(...this.#reader.finish())
    } catch (error) {
      return this.#fail(parts, error)
    }
    if (this.#phase === 'reading') this.#phase = 'complete'
    return parts
  }

  #fail(parts: Batch, error: unknown): Batch {
    if (this.#phase === 'reading') this.#phase = 'failed'
    this.#error = error
    return parts
  }

  #end(): void {
    this.#phase = 'over'
    this.#begun?.answer.end()
  }
}
