/** One streamed answer of a model of the AI SDK, part by part. */
import { BeamClawError, type Clock, type ProviderPart } from '@beamclaw/core'
import type { ProviderStream } from '@beamclaw/core/adapter'
import type { Deadlines } from '../shared/deadlines.ts'
import type { AiSdkPartReader } from './ai-sdk-model.ts'
import type { AiSdkStreamReader } from './from-stream.ts'

/** An answer that has begun. */
export interface BegunStream {
  readonly source: AiSdkPartReader
  readonly reader: AiSdkStreamReader
  /** Parts that come before those of the answer. */
  readonly before: readonly ProviderPart[]
}

/** What one call needs. */
export interface ModelCall {
  /** Asks the model. `signal` is aborted when the call is over before its answer is. */
  readonly begin: (signal: AbortSignal) => Promise<BegunStream>
  readonly deadlines: Deadlines
  readonly clock: Clock
  /** Returns the error for anything that the model has thrown. Never throws. */
  readonly errorOf: (thrown: unknown, phase: 'headers' | 'body') => BeamClawError
}

type Read = IteratorResult<ProviderPart, void>

/** Milliseconds, and parts, that a stream may go on for after its finish. */
const endingMs = 1_000
const endingParts = 16

/** Reads in a row that bring nothing for the caller, after which the event loop has its turn: a stream that never waits would stop all timers. */
const maxSilentReads = 64

// A string as the reason: an error would have its stack trace captured for every call.
const isOverReason = 'the call is over'

/**
 * Phases: `new → begun → reading → complete → over`, `failed` before `over`, and `over` from anywhere. Owns the reader of the model's stream from `reading`
 * on, and the signal that the model got; cancels both when it is over before the answer is complete. Reads only while a caller waits.
 *
 * - I1: the parts before an error come before the error.
 * - I2: nothing that the model does once the call is over is seen: neither a part nor a rejection.
 */
export class ModelStream implements ProviderStream {
  readonly #call: ModelCall
  readonly #abort = new AbortController()
  #begun: BegunStream | undefined
  #phase: 'new' | 'begun' | 'reading' | 'complete' | 'failed' | 'over' = 'new'
  #error: unknown
  #parts: ProviderPart[] = []
  /** Place of the next part. */
  #next = 0
  #reads: PromiseWithResolvers<Read>[] = []
  #isReading = false
  #hasRead = false
  #silentReads = 0

  constructor(call: ModelCall) {
    this.#call = call
    call.deadlines.interrupts((error) => this.#fail(error))
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Read> {
    const part = this.takeReady()
    if (part !== undefined) return Promise.resolve({ done: false, value: part })
    if (this.#phase === 'over') return Promise.resolve({ done: true, value: undefined })
    const read = Promise.withResolvers<Read>()
    this.#reads.push(read)
    if (this.#phase === 'new') void this.#start()
    else this.#settle()
    return read.promise
  }

  takeReady(): ProviderPart | undefined {
    const part = this.#parts[this.#next++]
    if (this.#next < this.#parts.length) return part
    this.#parts = []
    this.#next = 0
    return part
  }

  /** Ends the answer, and drops what was not read. */
  async return(): Promise<Read> {
    this.#parts = []
    this.#next = 0
    if (this.#phase !== 'complete' && this.#phase !== 'failed' && this.#phase !== 'over') this.#close()
    this.#phase = 'over'
    for (const read of this.#reads.splice(0)) read.reject(new BeamClawError('provider-aborted', 'The call is over'))
    return { done: true, value: undefined }
  }

  async #start(): Promise<void> {
    this.#phase = 'begun'
    this.#call.deadlines.enter('first-byte')
    try {
      const begun = await this.#call.begin(this.#abort.signal)
      // The call may have ended meanwhile, which TypeScript cannot see.
      if ((this.#phase as string) !== 'begun') return cancel(begun.source)
      this.#begun = begun
      this.#parts.push(...begun.before)
      this.#phase = 'reading'
    } catch (thrown) {
      this.#fail(this.#call.errorOf(thrown, 'headers'))
    }
    this.#settle()
  }

  #read(): void {
    const begun = this.#begun
    if (begun === undefined || this.#isReading) return
    this.#isReading = true
    if (++this.#silentReads > maxSilentReads) {
      this.#silentReads = 0
      return this.#call.clock.yieldTo(() => {
        this.#isReading = false
        if (this.#phase === 'reading') this.#read()
      })
    }
    this.#call.deadlines.enter(this.#hasRead ? 'idle' : 'first-byte')
    readFrom(begun.source).then(
      ({ done, value }) => this.#receive(begun, done, value),
      (thrown: unknown) => this.#receive(begun, undefined, thrown),
    )
  }

  /** Takes what a read has brought; `done` is undefined for one that failed. */
  #receive({ reader }: BegunStream, done: boolean | undefined, value: unknown): void {
    this.#isReading = false
    if (this.#phase !== 'reading') return
    this.#call.deadlines.pause()
    this.#hasRead = true
    try {
      if (done === undefined) throw value
      if (done) reader.end()
      else for (const part of reader.read(value)) this.#parts.push(part)
      if (reader.isFinished) this.#complete()
    } catch (thrown) {
      this.#fail(this.#call.errorOf(thrown, 'body'))
    }
    this.#settle()
  }

  /** Reads the end of the stream, so that the connection below it can be kept for the next call. */
  #complete(): void {
    this.#phase = 'complete'
    const { deadlines } = this.#call
    const source = this.#begun?.source
    if (source === undefined) return
    const end = (): void => {
      deadlines.end()
      cancel(source)
    }
    deadlines.interrupts(end)
    deadlines.endWithin(endingMs)
    const drain = (left: number): void => {
      if (left === 0) return end()
      readFrom(source).then(({ done }) => (done ? deadlines.end() : drain(left - 1)), end)
    }
    drain(endingParts)
  }

  #fail(error: BeamClawError): void {
    if (this.#phase === 'complete' || this.#phase === 'failed' || this.#phase === 'over') return
    this.#phase = 'failed'
    this.#error = error
    this.#close()
    this.#settle()
  }

  #close(): void {
    this.#call.deadlines.end()
    this.#abort.abort(isOverReason)
    if (this.#begun !== undefined) cancel(this.#begun.source)
  }

  /** Settles the reads that wait, as far as there is something for them. */
  #settle(): void {
    while (this.#reads.length > 0) {
      const part = this.takeReady()
      if (part !== undefined) {
        this.#silentReads = 0
        this.#reads.shift()?.resolve({ done: false, value: part })
      } else if (this.#phase === 'failed') {
        this.#phase = 'over'
        this.#reads.shift()?.reject(this.#error)
      } else if (this.#phase === 'complete' || this.#phase === 'over') {
        this.#phase = 'over'
        this.#reads.shift()?.resolve({ done: true, value: undefined })
      } else return this.#read()
    }
  }
}

/** Reads once; whatever a foreign reader does becomes a rejection. */
async function readFrom(source: AiSdkPartReader): Promise<{ readonly done: boolean; readonly value?: unknown }> {
  const { done, value } = await source.read()
  return { done, value }
}

/** Cancels a foreign reader, whose failures are of no interest any more. */
function cancel(source: AiSdkPartReader): void {
  ;(async () => source.cancel(isOverReason))().catch(() => {})
}
