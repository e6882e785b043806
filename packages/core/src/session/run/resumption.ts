/** How a session goes on with a run that it did not begin. Pure. */
import { runFailureOf } from '../../base/run-failure.ts'
import type { JournalEntry } from '../journal/records.ts'
import type { Aftermath } from '../session-phase.ts'
import type { RunState } from '../state/run-state.ts'

/**
 * Returns what is written down of the run: that it resumes, or that it has ended since the store does not take what came of it. The run is a suspect
 * when a step of its own was under way in the incarnation that ended without a word, or failed by itself.
 */
export function resumption({ runId, underWay, isPaused }: RunState, aftermath: Aftermath | undefined): JournalEntry {
  const { cause, refused } = aftermath ?? {}
  if (refused?.runId === runId) {
    const failure = runFailureOf(refused.error, `What came of the run cannot be stored: ${refused.error.message}`)
    return { type: 'run-end', runId, outcome: 'failed', failure }
  }
  const isSuspect = cause === 'own' || (cause === undefined && underWay.size > 0 && !isPaused)
  return { type: 'run-resume', runId, ...(isSuspect ? { isSuspect } : {}) }
}
