/** The interface of readers, which convert a service's events to parts. */
import type { ProviderPart } from '@beamclaw/core'
import type { ServerSentEvent } from './sse.ts'

/** Reads one answer, event by event. Throws `provider-*`. */
export interface AnswerReader {
  /** True once the answer is complete except for its ending. */
  readonly isFinished: boolean
  /** True once further events can be ignored. */
  readonly isDone: boolean
  /** Yields the parts that one event completes. */
  read(event: ServerSentEvent): Iterable<ProviderPart>
  /** Yields the remaining parts after the last event; ends with `finish`. */
  finish(): Iterable<ProviderPart>
}
