/** What a session does next. The same function decides in the middle of a run and after a crash, so both go the same way. */
import type { RunId } from '../ids.ts'
import type { RunOutcome, SessionState } from './journal.ts'

export type NextStep =
  /** Nothing to do until a message comes. */
  | { readonly type: 'wait' }
  | { readonly type: 'start-run'; readonly runId: RunId }
  | { readonly type: 'ask-model'; readonly runId: RunId; readonly turn: number; readonly attempt: number }
  | { readonly type: 'end-run'; readonly runId: RunId; readonly outcome: RunOutcome }

export function nextStep(state: SessionState): NextStep {
  const { current } = state
  if (current === undefined) {
    const [next] = state.waiting
    return next === undefined ? { type: 'wait' } : { type: 'start-run', runId: next.runId }
  }
  const { runId, turn, attempt, response } = current
  if (response !== undefined) return { type: 'end-run', runId, outcome: 'completed' }
  // A request without an answer was cut off: asked again, its tokens are paid twice.
  return { type: 'ask-model', runId, turn: Math.max(1, turn), attempt: attempt + 1 }
}
