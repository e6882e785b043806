/** One run, as its sender sees it: events while it runs, and a result. */

import type { TimerHandle } from '@beamclaw/actor'
import { BeamClawError } from '../../base/errors.ts'
import type { RunEvent } from '../../base/events.ts'
import type { RunId } from '../../base/ids.ts'
import type { FeedStart, SessionFeed } from '../session-feed.ts'
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
import { EndOfRun } from './end-of-run.ts'
import { type DeepPartial, partialValues } from './partial-output.ts'
import { eventsOf } from './run-filter.ts'
import { interrupted, wasStopped } from './run-interruption.ts'
import { type RunResult, repairedResult, resultOf } from './run-result.ts'
import type { RunStreamOptions } from './run-stream-options.ts'
import { invalidOutput, readOutput } from './structured-output.ts'
import { textPieces } from './text-pieces.ts'

/** Milliseconds after `accepted` in which a caller may start to iterate and still get every piece of the answer. */
const graceMs = 1_000

/**
 * A run that was sent or is followed: iterate for its events, or call `result()`, or both; each event is yielded once. `accepted` resolves once the
 * message is durable. All three reject when the message was not accepted, and the result also when the run failed or was aborted. An iteration that
 * starts more than a second after `accepted` yields the answer, but not every piece of it. Once a snapshot has replaced the run's events, the iteration
 * yields none, and the result is still available. Both reject with `unknown-run` when the session no longer remembers the run, also because it was
 * deleted after the run, and with `call-cycle` inside a tool on which the run waits. The iteration throws `subscriber-lagged` when its reader was too slow and events are lost.
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
  // Opened before the message is sent, for a later iteration; undefined once that has started or is no longer possible.
  #feed: SessionFeed | undefined
  #grace: TimerHandle | undefined
  #result: Promise<RunResult<TOutput>> | undefined
  #isIterated = false
  #isSent = false
  // True once an iteration or the result was asked for.
  #isRead = false
  // The feeds that are to miss nothing of the run.
  readonly #early: SessionFeed[] = []

  constructor(options: RunStreamOptions<TOutput>) {
    this.runId = options.runId
    this.#options = options
    this.accepted = this.#send()
    this.accepted.then(
      () => {
        if (this.#feed !== undefined) this.#grace = options.clock.setTimer(() => this.#stopListening(), graceMs, true)
      },
      () => this.#stopListening(),
    )
  }

  async #send(): Promise<SendReceipt> {
    // Most callers ask for the result, or iterate, at once.
    await undefined
    if (!this.#isRead) this.#feed = this.#listen(this.#options.listen)
    // Each of these subscribes before the message is sent, and more may subscribe while one is not ready yet.
    for (const { ready } of this.#early) await ready
    this.#early.length = 0
    this.#isSent = true
    return this.#options.send()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<RunEvent> {
    const { feed, isAhead } = this.#takeFeed()
    const isSecond = this.#isIterated
    this.#isIterated = true
    const { seq, ended } = await this.#begin(feed, isAhead)
    // Each event is yielded once.
    if (isSecond) return void (await feed.stop())
    if (ended !== undefined) return yield* this.#past(feed, seq)
    yield* this.#live(feed, seq, isAhead)
  }

  /**
   * Returns the run as a web-standard `Response`, once its message is durable: server-sent events of the run, or the format of the AI SDK's `useChat`.
   * Each response starts at the beginning of the run, or after the cursor `after`, no matter how far the run is and how often it is requested. A response
   * with no events left has status 204. When the reader disconnects, only the reading ends, unless `abortOnDisconnect` is set. Rejects as `accepted`
   * does, and with `invalid-option`.
   *
   * @example
   * return session.follow(key).toResponse({ after: request.headers.get('last-event-id') })
   */
  async toResponse(given: RunResponseOptions = {}): Promise<Response> {
    const options = responseOptionsOf('toResponse', given)
    return toResponse(await this.#open(), this.#options.clock, options)
  }

  /**
   * Writes the same content into a Node response, whose headers are sent once the message is durable. Resolves when everything is written or the
   * reader has disconnected. Rejects as `accepted` does, and with `invalid-option`; the response is untouched then.
   *
   * @example
   * createServer((request, response) => session.send('hi').pipeTo(response))
   */
  async pipeTo(response: NodeResponse, given: RunResponseOptions = {}): Promise<void> {
    checkNodeResponse(response)
    const options = responseOptionsOf('pipeTo', given)
    return pipeTo(await this.#open(), response, this.#options.clock, options)
  }

  /** Starts a reading of the whole run, on the existing feed if it is not taken yet. */
  async #open(): Promise<RunReading> {
    const { feed, isAhead } = this.#takeFeed()
    const { seq, ended } = await this.#begin(feed, isAhead)
    const { sessionKey, abort } = this.#options
    const events = ended === undefined ? this.#live(feed, seq, isAhead) : this.#past(feed, seq)
    return { sessionKey, runId: this.runId, seq, ended, events: readFrom(feed, events), stop: () => feed.stop(), abort }
  }

  /**
   * Yields the `output` as far as it has arrived while the model writes it: the model's JSON, which no schema has checked or changed yet. Each value
   * contains everything so far and differs from the previous value; the last one is the complete answer. May be iterated beside the events. A reading
   * that starts more than a second after `accepted`, or of a run that was active before (`follow`, a repeat of its key), yields only complete answers.
   * Throws as the iteration of events does.
   *
   * @example
   * for await (const { title } of run.partialOutput()) show(title)
   */
  partialOutput(): AsyncGenerator<DeepPartial<TOutput>, void, void> {
    return this.#reading(partialValues) as AsyncGenerator<DeepPartial<TOutput>, void, void>
  }

  /**
   * The text of all turns of the run as the model writes it, for callers that only print; the last answer alone is `(await run.result()).text`. Each
   * iteration is a separate reading, and may run beside the events. When a retry repeats the text of a broken model call, only new text is yielded; when
   * its text differs, all of it is yielded. A reading that starts more than a second after `accepted`, or of a run that was active before, gets the text
   * of each turn in one piece. Throws as the iteration of events does.
   *
   * @example
   * for await (const text of session.send('What is 2+3?').textStream) process.stdout.write(text)
   */
  get textStream(): AsyncIterable<string> {
    return { [Symbol.asyncIterator]: () => this.#reading(textPieces) }
  }

  /** Reads the run's events. With `isWhole` they have every piece of the text. */
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

  /** Opens a feed; before the message is sent, the message waits for it. */
  #listen(open: () => SessionFeed): SessionFeed {
    const feed = open()
    if (!this.#isSent) this.#early.push(feed)
    return feed
  }

  /** Takes the feed that was opened before the message was sent, or opens another one, which is as good until the message is accepted. */
  #takeFeed(): { readonly feed: SessionFeed; readonly isAhead: boolean } {
    const isAhead = this.#feed !== undefined || !this.#isSent
    const feed = this.#feed ?? this.#listen(this.#options.listen)
    this.#feed = undefined
    this.#isRead = true
    this.#grace?.cancel()
    return { feed, isAhead }
  }

  /** Resolves with the start of the run's events, and with its end if it has one. `feed` listens already, so that a later end is not missed. */
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

  /** Yields the run's events up to its end. */
  async *#live(feed: SessionFeed, seq: number, isAhead: boolean): AsyncGenerator<RunEvent> {
    const start = await this.#startOf(isAhead)
    let endWaiting = (): void => {}
    try {
      endWaiting = this.#options.beginWaiting()
      const isOfRun = eventsOf(this.runId)
      for await (const event of feed.from(seq, start)) {
        if (!isOfRun(event)) continue
        yield event
        if (event.type === 'run-end') return
      }
    } finally {
      endWaiting()
      await feed.stop()
    }
  }

  /** Yields the events of an ended run that the journal still has. */
  async *#past(feed: SessionFeed, seq: number): AsyncGenerator<RunEvent> {
    const isOfRun = eventsOf(this.runId)
    let isFirst = true
    for await (const event of feed.past(seq)) {
      // A snapshot has replaced the run's records: the rest belong to other runs.
      if (isFirst && 'seq' in event && event.seq > seq) return
      isFirst = false
      if (!isOfRun(event)) continue
      yield event
      if (event.type === 'run-end') return
    }
  }

  #stopListening(): void {
    this.#isRead = true
    this.#grace?.cancel()
    this.#feed?.stop()
    this.#feed = undefined
  }

  /** Resolves with the result once the run has ended. */
  result(): Promise<RunResult<TOutput>> {
    this.#result ??= this.#read()
    return this.#result
  }

  async #read(): Promise<RunResult<TOutput>> {
    this.#stopListening()
    const end = await this.#waitForEnd(!this.#isSent)
    const { ended } = end.ended === undefined ? await this.#find() : end
    if (ended === undefined) throw interrupted()
    return this.#withOutput(resultOf(this.runId, ended, end.steps.all))
  }

  /** Resolves once the run has ended, with what its events tell. */
  async #waitForEnd(isAhead: boolean): Promise<EndOfRun> {
    const feed = this.#listen(this.#options.listenToCommitted)
    const { seq, ended } = await this.#begin(feed, isAhead)
    const end = new EndOfRun(this.runId)
    try {
      if (ended === undefined) await this.#takeUntilEnd(feed, seq, isAhead, end)
      else for await (const event of this.#past(feed, seq)) end.steps.take(event)
    } catch (error) {
      // Events are lost, so the session is idle: it knows how the run ended.
      if (BeamClawError.isInstance(error, 'subscriber-lagged')) return new EndOfRun(this.runId)
      throw error
    }
    return end
  }

  /** Does what `#live` does, without a generator: each run has a result, and few are iterated. */
  async #takeUntilEnd(feed: SessionFeed, seq: number, isAhead: boolean, end: EndOfRun): Promise<void> {
    const start = await this.#startOf(isAhead)
    let endWaiting = (): void => {}
    try {
      endWaiting = this.#options.beginWaiting()
      const isOfRun = eventsOf(this.runId)
      await feed.each(seq, start, (event) => {
        if (!isOfRun(event)) return true
        end.take(event)
        return event.type !== 'run-end'
      })
    } finally {
      endWaiting()
      await feed.stop()
    }
  }

  async #startOf(isAhead: boolean): Promise<FeedStart> {
    const { status } = await this.accepted
    return { isAhead: isAhead && status === 'accepted', mustFollow: true, isAtWork: true }
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
