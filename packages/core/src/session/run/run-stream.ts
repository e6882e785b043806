/** One run, as its sender sees it: events while it goes on, and a result. */

import { BeamClawError } from '../../base/errors.ts'
import type { RunEvent } from '../../base/events.ts'
import type { RunId } from '../../base/ids.ts'
import type { TimerHandle } from '../../ports/services.ts'
import type { SessionFeed } from '../session-feed.ts'
import type { SendReceipt } from '../session-replies.ts'
import type { EndedRun } from '../state/known-run.ts'
import type { ReadEvent, RunReading } from '../streams/run-reading.ts'
import {
  checkNodeResponse,
  type NodeResponse,
  pipeTo,
  type RunResponseOptions,
  responseOptionsOf,
  toResponse,
} from '../streams/run-response.ts'
import { type DeepPartial, partialValues } from './partial-output.ts'
import { type RunResult, repairedResult, resultOf } from './run-result.ts'
import { type RunStep, RunSteps } from './run-steps.ts'
import type { RunStreamOptions } from './run-stream-options.ts'
import { invalidOutput, readOutput } from './structured-output.ts'
import { textPieces } from './text-pieces.ts'

/** Milliseconds in which whoever waited for `accepted` may begin to iterate and still be told every piece of the answer. */
const graceMs = 1_000

/**
 * Iterate for the events of the run, or ask for its `result()`, or both; each event is told once. `accepted` resolves once the message is
 * durable. All reject when it was not accepted; the result also when the run failed or was aborted. An iteration that begins a second
 * after that, or later, yields the answer, and not every piece of it; once a snapshot has taken the place of the run's events, it yields
 * nothing, and the result is still there. Both reject `unknown-run` when the session has forgotten the run, `call-cycle` inside a tool that
 * the run would have to wait for, and the iteration `subscriber-lagged` when its reader was so slow that events are gone.
 *
 * @example
 * const run = session.send('What is 2+3?')
 * for await (const event of run) if (event.type === 'text-delta') process.stdout.write(event.text)
 * const { text, usage } = await run.result()
 */
export class RunStream<TOutput = undefined> implements AsyncIterable<RunEvent> {
  readonly runId: RunId
  readonly accepted: Promise<SendReceipt>
  readonly #options: RunStreamOptions<TOutput>
  // From before the message is sent, for the iteration; gone when it has begun, or is not wanted.
  #feed: SessionFeed | undefined
  #grace: TimerHandle | undefined
  #result: Promise<RunResult<TOutput>> | undefined
  #isIterated = false
  #isSent = false

  constructor(options: RunStreamOptions<TOutput>) {
    this.runId = options.runId
    this.#options = options
    this.#feed = options.listen()
    this.accepted = this.#send()
    this.accepted.then(
      () => {
        if (this.#feed !== undefined) this.#grace = options.clock.setTimer(() => this.#stopListening(), graceMs, true)
      },
      () => this.#stopListening(),
    )
  }

  async #send(): Promise<SendReceipt> {
    // Whoever asks for the result at once shall listen before anything happens.
    await undefined
    this.#isSent = true
    return this.#options.send()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<RunEvent> {
    const { feed, isAhead } = this.#takeFeed()
    const isSecond = this.#isIterated
    this.#isIterated = true
    const { seq, ended } = await this.#begin(feed, isAhead)
    // Each event is told once.
    if (isSecond) return void (await feed.stop())
    if (ended !== undefined) return yield* this.#past(feed, seq)
    yield* this.#live(feed, seq, isAhead)
  }

  /**
   * Returns the run as a web-standard `Response`, once its message is durable: server-sent events of the run, or what the AI SDK's `useChat`
   * reads. However far the run is, and however often it is asked for, each response tells the run from its beginning, or from the cursor
   * `after` on; one with nothing left to tell has status 204. The reader's going away ends the reading, and not the run, unless
   * `abortOnDisconnect`. Rejects as `accepted` does, and `invalid-option`.
   *
   * @example
   * return session.follow(key).toResponse({ after: request.headers.get('last-event-id') })
   */
  async toResponse(given: RunResponseOptions = {}): Promise<Response> {
    const options = responseOptionsOf('toResponse', given)
    return toResponse(await this.#open(), this.#options.clock, options)
  }

  /**
   * Writes the same into a response of Node's, which gets its headers once the message is durable. Resolves when all is written or the
   * reader has gone away. Rejects as `accepted` does, and `invalid-option`; then nothing was written.
   *
   * @example
   * createServer((request, response) => session.send('hi').pipeTo(response))
   */
  async pipeTo(response: NodeResponse, given: RunResponseOptions = {}): Promise<void> {
    checkNodeResponse(response)
    const options = responseOptionsOf('pipeTo', given)
    return pipeTo(await this.#open(), response, this.#options.clock, options)
  }

  /** Begins a reading of the whole run, from a feed that is there already if nobody has taken it. */
  async #open(): Promise<RunReading> {
    const { feed, isAhead } = this.#takeFeed()
    const { seq, ended } = await this.#begin(feed, isAhead)
    const { sessionKey, abort } = this.#options
    const events = ended === undefined ? this.#live(feed, seq, isAhead) : this.#past(feed, seq)
    return { sessionKey, runId: this.runId, seq, ended, events: readFrom(feed, events), stop: () => feed.stop(), abort }
  }

  /**
   * Yields what there is of the `output` while the model writes it: JSON as the model says it, which no schema has checked or changed yet. Each
   * value holds all that came so far, and is another one than the value before it; the last one is the whole answer. May be iterated beside the events. A reading that begins a second after
   * `accepted`, or of a run that was under way before (`follow`, a repeat of its key), yields whole answers only. Throws as the iteration of events does.
   *
   * @example
   * for await (const { title } of run.partialOutput()) show(title)
   */
  partialOutput(): AsyncGenerator<DeepPartial<TOutput>, void, void> {
    return this.#reading(partialValues) as AsyncGenerator<DeepPartial<TOutput>, void, void>
  }

  /**
   * The text of the run as the model writes it, of all turns, for callers that only print; the last answer alone is `(await run.result()).text`. Each
   * iteration is a reading of its own, and may go on beside the events. What a model call that broke off has said is not said again; where the next call
   * says something else, all of that follows. A reading that begins a second after `accepted`, or of a run that was under way before, gets the text of
   * each turn in one piece. Throws as the iteration of events does.
   *
   * @example
   * for await (const text of session.send('What is 2+3?').textStream) process.stdout.write(text)
   */
  get textStream(): AsyncIterable<string> {
    return { [Symbol.asyncIterator]: () => this.#reading(textPieces) }
  }

  /** Reads the run's events. `isWhole`: they have every piece of the text. */
  async *#reading<T>(read: (events: AsyncIterable<RunEvent>, isWhole: boolean) => AsyncIterable<T>): AsyncGenerator<T, void, void> {
    const isEarly = this.#feed !== undefined || !this.#isSent
    const { feed, isAhead } = this.#takeFeed()
    const { seq, ended } = await this.#begin(feed, isAhead)
    const isWhole = isEarly && (await this.accepted).status === 'accepted'
    const events = ended === undefined ? this.#live(feed, seq, isAhead) : this.#past(feed, seq)
    try {
      yield* read(events, isWhole)
    } finally {
      await feed.stop()
    }
  }

  /** Takes the feed that is there from before the message was sent, or begins another one. */
  #takeFeed(): { readonly feed: SessionFeed; readonly isAhead: boolean } {
    const isAhead = this.#feed !== undefined
    const feed = this.#feed ?? this.#options.listen()
    this.#feed = undefined
    this.#grace?.cancel()
    return { feed, isAhead }
  }

  /** Tells where the run's events begin, and whether it is over; `feed` listens, so that an end after this answer is not missed. */
  async #begin(feed: SessionFeed, isAhead: boolean): Promise<{ readonly seq: number; readonly ended: EndedRun | undefined }> {
    try {
      const { status, ended, seq } = await this.accepted
      if (ended !== undefined) return { seq, ended }
      if (isAhead && status === 'accepted') return { seq, ended }
      return { seq, ended: (await this.#find()).ended }
    } catch (error) {
      await feed.stop()
      throw error
    }
  }

  /** The run's events up to its end. */
  async *#live(feed: SessionFeed, seq: number, isAhead: boolean): AsyncGenerator<RunEvent> {
    const { status } = await this.accepted
    let endWaiting = (): void => {}
    try {
      endWaiting = this.#options.beginWaiting()
      const isOfRun = this.#filter()
      for await (const event of feed.from(seq, { isAhead: isAhead && status === 'accepted', mustFollow: true, isAtWork: true })) {
        if (!isOfRun(event)) continue
        yield event
        if (event.type === 'run-end') return
      }
    } finally {
      endWaiting()
      await feed.stop()
    }
  }

  /** What the journal still has of a run that is over. */
  async *#past(feed: SessionFeed, seq: number): AsyncGenerator<RunEvent> {
    const isOfRun = this.#filter()
    let isFirst = true
    for await (const event of feed.past(seq)) {
      // A snapshot has taken the place of its records: the rest are of other runs.
      if (isFirst && 'seq' in event && event.seq > seq) return
      isFirst = false
      if (!isOfRun(event)) continue
      yield event
      if (event.type === 'run-end') return
    }
  }

  /** Tells events of this run from others; it may become part of another run. */
  #filter(): (event: RunEvent) => boolean {
    let host = this.runId
    return (event) => {
      if (joins(event, this.runId)) host = event.runId
      return event.runId === host
    }
  }

  #stopListening(): void {
    this.#grace?.cancel()
    this.#feed?.stop()
    this.#feed = undefined
  }

  /** Reads the run to its end. */
  result(): Promise<RunResult<TOutput>> {
    this.#result ??= this.#read()
    return this.#result
  }

  async #read(): Promise<RunResult<TOutput>> {
    this.#stopListening()
    const steps = await this.#waitForEnd(!this.#isSent)
    const { ended } = await this.#find()
    if (ended === undefined) throw interrupted()
    return this.#withOutput(resultOf(this.runId, ended, steps))
  }

  /** Resolves with the steps of the run, once it is over. */
  async #waitForEnd(isAhead: boolean): Promise<readonly RunStep[]> {
    const feed = this.#options.listenToCommitted()
    const { seq, ended } = await this.#begin(feed, isAhead)
    const steps = new RunSteps()
    try {
      for await (const event of ended === undefined ? this.#live(feed, seq, isAhead) : this.#past(feed, seq)) steps.take(event)
    } catch (error) {
      // Events are gone, so the session is at rest: it knows how the run ended.
      if (BeamClawError.isInstance(error, 'subscriber-lagged')) return []
      throw error
    }
    return steps.all
  }

  async #find(): Promise<SendReceipt> {
    try {
      return await this.#options.find()
    } catch (error) {
      throw wasStopped(error) ? interrupted(error) : error
    }
  }

  async #withOutput(result: Omit<RunResult, 'output'>): Promise<RunResult<TOutput>> {
    const { output, repair } = this.#options
    if (output === undefined) return { ...result, output: undefined as TOutput }
    const read = await readOutput(result.text, output)
    if ('value' in read) return { ...result, output: read.value }
    try {
      const repaired = await (await repair?.(read.problem))?.result()
      if (repaired !== undefined) return repairedResult(result, repaired)
    } catch (cause) {
      throw invalidOutput(result.text, read.problem, cause)
    }
    throw invalidOutput(result.text, read.problem)
  }
}

async function* readFrom(feed: SessionFeed, events: AsyncGenerator<RunEvent>): AsyncGenerator<ReadEvent> {
  for await (const event of events) yield { event, isLive: feed.isLive }
}

/** True when the session was stopped or killed while it was asked: the run goes on when it is next up. */
function wasStopped(error: unknown): error is BeamClawError {
  return BeamClawError.isInstance(error) && stoppedCodes.has(error.code)
}

const stoppedCodes: ReadonlySet<string> = new Set(['actor-not-running', 'actor-stopped', 'actor-killed'])

function interrupted(cause?: BeamClawError): BeamClawError {
  return new BeamClawError('run-interrupted', 'The session stopped before the run ended; it goes on when the session is next up', { cause })
}

function joins(event: RunEvent, runId: RunId): boolean {
  return (event.type === 'run-start' && event.merged.includes(runId)) || (event.type === 'run-steer' && event.from === runId)
}
