/** What a reader of a session has received, and which events are new to it. */
import { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'

/** Tracks the events that a reader has received, and decides which events are new. */
export class DeliveredEvents {
  nextSeq: number
  // False until the first event is delivered to a reader that accepts any start.
  #mustFollow: boolean
  #hasAny = false
  // The active run and attempt, according to the delivered records; undefined before the first record that names one.
  #attempt: { readonly runId: string; readonly name: string } | undefined
  // While no attempt is known: the run that ended last.
  #endedRun: string | undefined

  constructor(fromSeq: number, mustFollow: boolean) {
    this.nextSeq = fromSeq
    this.#mustFollow = mustFollow
  }

  /** True once the reader has received a durable event. */
  get hasAny(): boolean {
    return this.#hasAny
  }

  /** Throws `subscriber-lagged` for an event after a gap. */
  checkFollows(event: RunEvent): void {
    if (!('seq' in event) || event.seq <= this.nextSeq || !this.#mustFollow) return
    const problem = `The events ${this.nextSeq} to ${event.seq - 1}, which the reader has not received, are not in the journal any more`
    throw new BeamClawError('subscriber-lagged', `${problem}; read the history, and subscribe from ${event.seq} on`, {
      details: { nextSeq: this.nextSeq, cursor: event.seq },
    })
  }

  /** Returns false for a delivered event, and for pieces of an answer that is complete or void. Marks other events as delivered. */
  take(event: RunEvent): boolean {
    if (event.type === 'tool-progress' || event.type === 'session-delete') return true
    if (!('seq' in event)) return this.#attempt === undefined ? event.runId !== this.#endedRun : this.#attempt.name === nameOf(event)
    if (event.seq < this.nextSeq) return false
    this.nextSeq = event.seq + 1
    this.#mustFollow = true
    this.#hasAny = true
    const { runId } = event
    if (event.type === 'model-request') this.#attempt = { runId, name: nameOf(event) }
    else if (event.type === 'message' || event.type === 'model-failure') this.#attempt = { runId, name: 'none' }
    else if (event.type === 'run-end') this.#end(runId)
    return true
  }

  /** A waiting message may end during another run, whose pieces continue. */
  #end(runId: string): void {
    if (this.#attempt === undefined) this.#endedRun = runId
    else if (this.#attempt.runId === runId) this.#attempt = { runId, name: 'none' }
  }
}

function nameOf({ runId, turn, attempt }: { readonly runId: string; readonly turn: number; readonly attempt: number }): string {
  return `${runId} ${turn} ${attempt}`
}
