/** `decide`: records the decision about a request for approval, or that its time is over. The first one holds. */
import { alreadyResolved, unknownApproval } from '../../approval/approval-gate.ts'
import type { ApprovalAnswer } from '../../base/approval.ts'
import type { RunApproval } from '../state/run-state.ts'
import { type CommandContext, StateDiscarded } from './command.ts'

export interface Decide {
  readonly type: 'decide'
  readonly id: string
  readonly answer: ApprovalAnswer
}

/** Resolves with false for an expiry whose time is not over yet. Rejects `already-resolved` and `unknown-approval`. */
export async function decide(context: CommandContext, { id, answer }: Decide): Promise<boolean> {
  const { key, state, journal, dependencies, isLoaded, drive } = context
  const { activity, services } = dependencies
  const approval = undecided(context, id)
  const { expiresAt } = approval.request
  const isOver = services.clock.now() >= expiresAt
  if (answer.decision === 'expired' && !isOver) return false
  // Listed first: after a crash the run goes on with the decision.
  await activity.begin(key)
  if (!isLoaded()) throw new StateDiscarded()
  try {
    undecided(context, id)
    const runId = state.current?.runId
    if (runId !== undefined) await journal.commit({ type: 'approval-decision', runId, id, answer: isOver ? expiryOf(approval) : answer })
    if (isOver && answer.decision !== 'expired') throw alreadyResolved(id, 'expired')
    return true
  } finally {
    drive()
  }
}

/** Returns what the end of the time means. */
function expiryOf({ request: { onExpiry } }: RunApproval): ApprovalAnswer {
  return onExpiry === 'approve' ? { decision: 'approved', by: 'expiry' } : { decision: 'expired' }
}

/** Returns a request that waits. Throws for any other. */
function undecided({ state }: CommandContext, id: string): RunApproval {
  const run = state.current
  const approval = run?.approvals.get(id)
  if (approval === undefined) throw unknownApproval(id)
  if (approval.answer !== undefined || run?.cancelled !== undefined) throw alreadyResolved(id, approval.answer?.decision)
  return approval
}
