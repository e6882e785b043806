/** Decides how a session continues a run that it did not start. Pure function. */
import { runFailureOf } from '../../base/run-failure.ts'
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
    const failure = runFailureOf(refused.error, `The outcome of the run cannot be stored: ${refused.error.message}`)
    return { type: 'run-end', runId, outcome: 'failed', failure }
  }
  const isSuspect = cause === 'own' || (cause === undefined && underWay.size > 0 && !isPaused)
  return { type: 'run-resume', runId, ...(isSuspect ? { isSuspect } : {}) }
}
