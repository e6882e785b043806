/** Turns a run into the body of a server-sent event stream: text frames in either format. */
import type { Clock } from '@beamclaw/actor'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { CommittedEvent } from '../../base/events.ts'
import { type ErrorText, publicEvent, type RunFailureText } from './public-error-text.ts'
import type { ReadEvent, RunReading } from './run-reading.ts'
import { type UiMessageChunk, UiMessageStream } from './ui-message-stream.ts'

export interface RunFramesOptions {
  /** Events up to and including this one are left out. */
  readonly afterSeq: number
  readonly errorText: ErrorText
  /** Milliseconds of silence after which a comment is sent; 0 for never. */
  readonly heartbeatMs: number
  readonly clock: Clock
}

/** The cursor of a run whose events are no longer in the journal: the reader has received everything. */
export const endCursor = 'end'

/** A comment. Readers skip it; it keeps proxies from closing a quiet connection. */
const heartbeat = ':\n\n'

const interrupted: RunFailureText = { code: 'run-interrupted', message: 'The session stopped before the run ended' }

/** Yields each event of the run as one frame whose id is its cursor. Pieces of an answer have no id. */
export async function* sseFrames(reading: RunReading, options: RunFramesOptions): AsyncGenerator<string> {
  const { afterSeq, errorText } = options
  let isEmpty = true
  try {
    for await (const read of withHeartbeats(reading.events, options)) {
      if (read !== undefined) isEmpty = false
      if (read === undefined) yield heartbeat
      else if (!('seq' in read.event)) yield frameOf(read.event)
      else if (read.event.seq > afterSeq) yield frameOf(publicEvent(read.event, errorText), read.event.seq)
    }
    if (!isEmpty || afterSeq === Number.POSITIVE_INFINITY) return
    for (const event of eventsOfEnded(reading)) yield frameOf(publicEvent(event, errorText), endCursor)
  } catch (error) {
    const { code, message } = failureOf(error)
    yield frameOf({ type: 'stream-error', code, message: errorText({ code, message }) })
  }
}

/** Yields the run as a UI message stream, always from its beginning: the reader replaces its copy. */
export async function* uiMessageFrames(reading: RunReading, options: RunFramesOptions): AsyncGenerator<string> {
  const message = new UiMessageStream(options.errorText)
  let failure = interrupted
  let isEmpty = true
  yield framesOf(message.begin(reading.runId))
  try {
    for await (const read of withHeartbeats(reading.events, options)) {
      if (read !== undefined) isEmpty = false
      const frames = read === undefined ? heartbeat : framesOf(message.hear(read.event, read.isLive))
      if (frames !== '') yield frames
    }
    if (isEmpty) for (const event of eventsOfEnded(reading)) yield framesOf(message.hear(event, false))
  } catch (error) {
    failure = failureOf(error)
  }
  yield `${framesOf(message.stop(failure))}data: [DONE]\n\n`
}

function frameOf(data: object, id?: number | string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`
}

function framesOf(chunks: readonly UiMessageChunk[]): string {
  return chunks.map((chunk) => frameOf(chunk)).join('')
}

function failureOf(error: unknown): RunFailureText {
  return { code: BeamClawError.isInstance(error) ? error.code : 'internal', message: describeError(error) }
}

/** Returns what the session remembers of a run after a snapshot has replaced its records: the last message and the end. */
function eventsOfEnded({ sessionKey, runId, seq, ended }: RunReading): CommittedEvent[] {
  if (ended === undefined) return []
  const { outcome, message, finish = 'other', usage, failure } = ended
  const of = { sessionKey, runId, seq }
  return [
    ...(message === undefined ? [] : [{ type: 'message' as const, ...of, turn: 1, message, finish, usage }]),
    { type: 'run-end', ...of, outcome, ...(failure === undefined ? {} : { failure }) },
  ]
}

/** Yields the events, and `undefined` after each `heartbeatMs` of silence. */
async function* withHeartbeats(
  events: AsyncGenerator<ReadEvent>,
  { clock, heartbeatMs }: RunFramesOptions,
): AsyncGenerator<ReadEvent | undefined> {
  if (heartbeatMs === 0) return yield* events
  let pending: Promise<IteratorResult<ReadEvent>> | undefined
  try {
    for (;;) {
      pending ??= events.next()
      const next = await nextOrQuiet(pending, clock, heartbeatMs)
      if (next === undefined) {
        yield undefined
        continue
      }
      pending = undefined
      if (next.done === true) return
      yield next.value
    }
  } finally {
    await events.return(undefined)
  }
}

function nextOrQuiet<T>(pending: Promise<T>, clock: Clock, quietMs: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => resolve(undefined), quietMs, true)
    pending.finally(() => timer.cancel()).then(resolve, reject)
  })
}
