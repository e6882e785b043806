/** Tells the events of one run from those of its session. */
import type { RunEvent } from '../../base/events.ts'
import type { RunId } from '../../base/ids.ts'

/** Returns a filter for the events of a run, which may become part of another run. It takes the session's events in their order. */
export function eventsOf(runId: RunId): (event: RunEvent) => boolean {
  let host = runId
  return (event) => {
    if (joins(event, runId)) host = event.runId
    return event.runId === host
  }
}

function joins(event: RunEvent, runId: RunId): boolean {
  return (event.type === 'run-start' && event.merged.includes(runId)) || (event.type === 'run-steer' && event.from === runId)
}
