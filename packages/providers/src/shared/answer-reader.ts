/** What turns a service's events into parts. */
import type { ProviderPart } from '@beamclaw/core'
import type { ServerSentEvent } from './sse.ts'

/** Reads one answer, event by event. Throws `provider-*`. */
export interface AnswerReader {
  /** True once only the ending is still to come: the answer is whole without it. */
  readonly isFinished: boolean
  /** True once nothing more is of interest. */
  readonly isDone: boolean
  /** What one event makes known. */
  read(event: ServerSentEvent): Iterable<ProviderPart>
  /** What is left to tell after the last event; ends with `finish`. */
  finish(): Iterable<ProviderPart>
}
