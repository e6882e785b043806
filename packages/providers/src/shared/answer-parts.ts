/** One streamed answer, part by part. */
import { BeamClawError, type ProviderPart } from '@beamclaw/core'
import type { ProviderStream } from '@beamclaw/core/adapter'
import type { AnswerReader } from './answer-reader.ts'
import { isBrokenEnding } from './failure.ts'
import type { HttpAnswer } from './http.ts'
import type { ServerSentEvent } from './sse.ts'

/** An answer whose headers have arrived with status 200. */
export interface BegunAnswer {
  readonly answer: HttpAnswer
  /** Returns the events that a chunk of the body completes. */
  in(chunk: Uint8Array): Iterable<ServerSentEvent>
  /** Returns the events that the end completes. */
  atEnd(): Iterable<ServerSentEvent>
  /** Returns the error for an answer of which nothing was understood; `first` is its first event. */
  unread?(error: unknown, first: ServerSentEvent | undefined): unknown
}

type Read = IteratorResult<ProviderPart, void>

/** Bytes whose parts wait for their reader, above which the server is told to wait. */
const maxWaitingBytes = 1024 * 1024

/**
 * Phases: `new → begun → reading → complete → over`, `failed` before `over`, and `over` from anywhere. Owns the connection from `reading` on, and releases
 * it when it is over. Several reads may wait; they are answered in their order.
 *
 * Chunks are read as they arrive, and not by a promise for each: an answer has a chunk for each word.
 *
 * - I1: the parts before an error come before the error.
 * - I2: once the finish reason has arrived the answer is complete; a broken ending loses only the usage.
 */
export class AnswerParts implements ProviderStream {
  readonly #begin: () => Promise<BegunAnswer>
  readonly #reader: AnswerReader
  #begun: BegunAnswer | undefined
  #phase: 'new' | 'begun' | 'reading' | 'complete' | 'failed' | 'over' = 'new'
  #error: unknown
  #parts: ProviderPart[]
  /** Place of the next part. */
  #next = 0
  #waitingBytes = 0
  #firstEvent: ServerSentEvent | undefined
  /** True once the reader has made a part of an event. */
  #isUnderstood = false
  #reads: PromiseWithResolvers<Read>[] = []

  /** `begin` sends the request; the parts of `before` come before those of the answer. */
  constructor(reader: AnswerReader, begin: () => Promise<BegunAnswer>, before: readonly ProviderPart[] = []) {
    this.#reader = reader
    this.#parts = [...before]
    this.#begin = begin
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Read> {
    const part = this.#take()
    if (part !== undefined) return Promise.resolve({ done: false, value: part })
    if (this.#phase === 'over') return Promise.resolve({ done: true, value: undefined })
    const read = Promise.withResolvers<Read>()
    this.#reads.push(read)
    if (this.#phase === 'new') void this.#start()
    else if (this.#phase === 'reading') this.#begun?.answer.expectMore()
    else if (this.#phase !== 'begun') this.#settle()
    return read.promise
  }

  takeReady(): ProviderPart | undefined {
    return this.#take()
  }

  hasEnded(): boolean {
    return (this.#phase === 'complete' || this.#phase === 'over') && this.#parts.length === 0
  }

  /** Ends the answer, and drops what was not read. */
  async return(): Promise<Read> {
    this.#parts = []
    // The connection of a complete answer is kept for the next one.
    if (this.#phase !== 'complete' && this.#phase !== 'over') this.#begun?.answer.end()
    this.#phase = 'over'
    for (const read of this.#reads.splice(0)) read.reject(new BeamClawError('provider-aborted', 'The call is over'))
    return { done: true, value: undefined }
  }

  async #start(): Promise<void> {
    this.#phase = 'begun'
    try {
      const begun = await this.#begin()
      if (this.#phase !== 'begun') return begun.answer.end()
      this.#begun = begun
      this.#phase = 'reading'
      begun.answer.receive({ onPiece: (piece) => this.#read(piece), onEnd: () => this.#ended(), onError: (error) => this.#broken(error) })
    } catch (error) {
      this.#fail(error)
    }
    this.#settle()
  }

  #read(chunk: Uint8Array): void {
    if (this.#phase !== 'reading' || this.#begun === undefined) return
    this.#waitingBytes += chunk.byteLength
    const reader = this.#reader
    try {
      this.#readAll(this.#begun.in(chunk))
    } catch (error) {
      return this.#broken(error)
    }
    if (reader.isDone) this.#complete()
    else if (reader.isFinished) this.#begun.answer.expectEnding()
    this.#settle()
  }

  #ended(): void {
    if (this.#phase !== 'reading' || this.#begun === undefined) return
    try {
      this.#readAll(this.#begun.atEnd())
    } catch (error) {
      return this.#broken(error)
    }
    this.#complete()
    this.#settle()
  }

  #readAll(events: Iterable<ServerSentEvent>): void {
    const reader = this.#reader
    for (const event of events) {
      this.#firstEvent ??= event
      if (reader.isDone) continue
      for (const part of reader.read(event)) {
        this.#isUnderstood = true
        this.#parts.push(part)
      }
    }
  }

  #broken(error: unknown): void {
    if (this.#phase !== 'reading') return
    if (this.#reader.isFinished && isBrokenEnding(error)) this.#complete()
    else this.#fail(error)
    this.#settle()
  }

  #complete(): void {
    try {
      this.#parts.push(...this.#reader.finish())
    } catch (error) {
      return this.#fail(error)
    }
    this.#phase = 'complete'
    this.#begun?.answer.drain()
  }

  #fail(error: unknown): void {
    if (this.#phase === 'over') return
    this.#phase = 'failed'
    this.#error = this.#isUnderstood || this.#begun?.unread === undefined ? error : this.#begun.unread(error, this.#firstEvent)
    this.#begun?.answer.end()
  }

  /** Settles the reads that wait, as far as there is something for them. */
  #settle(): void {
    while (this.#reads.length > 0) {
      const part = this.#take()
      if (part !== undefined) this.#reads.shift()?.resolve({ done: false, value: part })
      else if (this.#phase === 'failed') {
        this.#phase = 'over'
        this.#reads.shift()?.reject(this.#error)
      } else if (this.#phase === 'complete' || this.#phase === 'over') {
        this.#phase = 'over'
        this.#reads.shift()?.resolve({ done: true, value: undefined })
      } else return this.#begun?.answer.expectMore()
    }
    if (this.#next === this.#parts.length) this.#waitingBytes = 0
    else if (this.#waitingBytes > maxWaitingBytes) this.#begun?.answer.pause()
  }

  #take(): ProviderPart | undefined {
    const part = this.#parts[this.#next++]
    if (this.#next < this.#parts.length) return part
    this.#parts = []
    this.#next = 0
    this.#waitingBytes = 0
    return part
  }
}
