/** Decides how a session continues a run that it did not start. Pure function. */
import type { JournalEntry } from '../journal/records.ts'
import type { Aftermath } from '../session-phase.ts'
import type { RunState } from '../state/run-state.ts'

/**
 * Returns the entry for the run: that it resumes, or that it has ended because the store refuses its outcome. The run is a suspect when one of its
 * steps was active in an incarnation that ended without a pause, or that failed by itself.
 */
export function resumption({ runId, underWay, isPaused }: RunState, aftermath: Aftermath | undefined): JournalEntry {
  const { cause, refused } = aftermath ?? {}
  if (refused?.runId === runId) {
    const { code, message } = refused.error
    return { type: 'run-end', runId, outcome: 'failed', failure: { code, message: `The outcome of the run cannot be stored: ${message}` } }
  }
  const isSuspect = cause === 'own' || (cause === undefined && underWay.size > 0 && !isPaused)
  return { type: 'run-resume', runId, ...(isSuspect ? { isSuspect } : {}) }
}
