/** One run, as its sender sees it: events while it goes on, and a result. */
import { BeamClawError, type ErrorCode } from '../errors.ts'
import type { RunEvent } from '../events.ts'
import type { RunId } from '../ids.ts'
import { type AssistantMessage, type JsonValue, textOf, type Usage } from '../messages.ts'
import type { Clock, TimerHandle } from '../ports/ambient.ts'
import type { FinishReason } from '../ports/provider.ts'
import { describeIssues, type StandardSchema } from '../tool/standard-schema.ts'
import type { SendReceipt } from './session-answers.ts'
import type { SessionFeed } from './session-feed.ts'
import type { EndedRun } from './session-state.ts'

/** What a run came to. */
export interface RunResult<TOutput = undefined> {
  readonly runId: RunId
  /** The model's last message. */
  readonly message: AssistantMessage
  /** Its text. */
  readonly text: string
  readonly usage: Usage
  readonly finish: FinishReason | undefined
  /** What the schema made of the text, where one was given. */
  readonly output: TOutput
}

export interface RunStreamOptions<TOutput> {
  readonly runId: RunId
  /** Begins to listen to the session. */
  readonly listen: () => SessionFeed
  /** Begins to listen to what is durable of it. */
  readonly listenToCommitted: () => SessionFeed
  /** Sends the message. */
  readonly send: () => Promise<SendReceipt>
  /** Tells how far the run has come. */
  readonly find: () => Promise<SendReceipt>
  readonly output: StandardSchema<TOutput> | undefined
  readonly clock: Clock
}

const emptyMessage: AssistantMessage = { role: 'assistant', content: [] }

/** Milliseconds in which whoever waited for `accepted` may begin to iterate and still be told every piece of the answer. */
const graceMs = 1_000

/**
 * Iterate for the events of the run, or ask for its `result()`, or both; each event is told once. `accepted` resolves once the message is
 * durable. All reject when it was not accepted; the result also when the run failed or was aborted. Who begins to iterate a second after
 * that, or later, is told the answer, and not every piece of it.
 */
export class RunStream<TOutput = undefined> implements AsyncIterable<RunEvent> {
  readonly runId: RunId
  readonly accepted: Promise<SendReceipt>
  readonly #options: RunStreamOptions<TOutput>
  // From before the message is sent; gone when nobody wants it.
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
        if (!this.#isIterated) this.#grace = options.clock.setTimer(() => this.#stopListening(), graceMs, true)
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
    const isAhead = this.#feed !== undefined
    const feed = this.#feed ?? this.#options.listen()
    this.#feed = undefined
    const events = await this.#begin(feed, isAhead)
    const isOfRun = this.#filter()
    for await (const event of events ?? []) {
      if (!isOfRun(event)) continue
      yield event
      if (event.type === 'run-end') return
    }
  }

  /** The session's events from the message on; undefined when there are none to tell, or somebody is told them already. */
  async #begin(feed: SessionFeed, isAhead: boolean): Promise<AsyncIterable<RunEvent> | undefined> {
    const isSecond = this.#isIterated
    this.#isIterated = true
    this.#grace?.cancel()
    try {
      const { status, ended, seq } = await this.accepted
      // It is over, and its records may be gone: what is known of its end is all there is to tell.
      if (!isSecond && ended === undefined) return feed.from(seq, { isAhead: isAhead && status === 'accepted' })
    } catch (error) {
      await feed.stop()
      throw error
    }
    await feed.stop()
    return undefined
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
    this.#feed?.stop()
    this.#feed = undefined
  }

  /** Reads the run to its end. */
  result(): Promise<RunResult<TOutput>> {
    this.#result ??= this.#read()
    return this.#result
  }

  async #read(): Promise<RunResult<TOutput>> {
    if (!this.#isIterated) this.#stopListening()
    const isAhead = !this.#isSent
    const events = await this.#begin(this.#options.listenToCommitted(), isAhead)
    const isOfRun = this.#filter()
    for await (const event of events ?? []) if (isOfRun(event) && event.type === 'run-end') break
    // Whoever iterated before has seen the end; the session still knows what came of it.
    const { ended } = await this.#options.find().catch((error: unknown) => {
      throw BeamClawError.isInstance(error, 'actor-not-running') ? interrupted(error) : error
    })
    if (ended === undefined) throw interrupted()
    if (ended.outcome !== 'completed') throw failureOf(ended)
    const message = ended.message ?? emptyMessage
    const text = textOf(message)
    return { runId: this.runId, message, text, usage: ended.usage, finish: ended.finish, output: await this.#outputOf(text) }
  }

  async #outputOf(text: string): Promise<TOutput> {
    const { output } = this.#options
    if (output === undefined) return undefined as TOutput
    let value: JsonValue
    try {
      value = JSON.parse(text)
    } catch (cause) {
      throw new BeamClawError('invalid-output', 'The model was asked for JSON and answered something else', { cause })
    }
    const checked = await output['~standard'].validate(value)
    if (checked.issues === undefined) return checked.value
    throw new BeamClawError('invalid-output', `The model's answer does not fit the schema: ${describeIssues(checked.issues)}`)
  }
}

function interrupted(cause?: BeamClawError): BeamClawError {
  return new BeamClawError('run-interrupted', 'The session stopped before the run ended; it goes on when the session is next up', { cause })
}

function joins(event: RunEvent, runId: RunId): boolean {
  return (event.type === 'run-start' && event.merged.includes(runId)) || (event.type === 'run-steer' && event.from === runId)
}

function failureOf({ outcome, failure }: EndedRun): BeamClawError {
  if (outcome === 'aborted') return new BeamClawError('run-aborted', 'The run was aborted')
  return new BeamClawError((failure?.code ?? 'run-failed') as ErrorCode, failure?.message ?? 'The run failed')
}
