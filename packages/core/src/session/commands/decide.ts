/** `decide`: records the decision about a request for approval, or that its time is over. The first one holds. */
import { alreadyResolved, unknownApproval } from '../../approval/approval-gate.ts'
import type { ApprovalAnswer } from '../../base/approval.ts'
import { BeamClawError } from '../../base/errors.ts'
import type { RunApproval } from '../state/run-state.ts'
import { type CommandContext, listedFirst, StateDiscarded } from './command.ts'

export interface Decide {
  readonly type: 'decide'
  readonly id: string
  readonly answer: ApprovalAnswer
}

/** Resolves with false for an expiry whose time is not over yet. Rejects `already-resolved`, `unknown-approval`, and `session-busy` for a request that is being recorded. */
export async function decide(context: CommandContext, { id, answer }: Decide): Promise<boolean> {
  const { state, journal, dependencies, isLoaded, drive } = context
  const { approvals, services } = dependencies
  let approval = waiting(context, id)
  if (approval === undefined) {
    // Another node may have found it before its record was written here.
    const isRecorded = await approvals.recorded(id)
    if (!isLoaded()) throw new StateDiscarded()
    approval = waiting(context, id)
    if (approval === undefined && !isRecorded) throw notYet(id)
  }
  if (approval === undefined) return refuse(context, id)
  const { expiresAt } = approval.request
  const isOver = services.clock.now() >= expiresAt
  if (answer.decision === 'expired' && !isOver) return false
  await listedFirst(context)
  try {
    if (waiting(context, id) === undefined) return await refuse(context, id)
    const runId = state.current?.runId
    if (runId !== undefined) await journal.commit({ type: 'approval-decision', runId, id, answer: isOver ? expiryOf(approval) : answer })
    if (isOver && answer.decision !== 'expired') throw alreadyResolved(id, 'expired')
    return true
  } finally {
    drive()
  }
}

function notYet(id: string): BeamClawError {
  const problem = `The approval request "${id}" is still being recorded; answer it again in a moment`
  return new BeamClawError('session-busy', problem, { retryAfterMs: 1_000 })
}

/** Returns what the end of the time means. */
function expiryOf({ request: { onExpiry } }: RunApproval): ApprovalAnswer {
  return onExpiry === 'approve' ? { decision: 'approved', by: 'expiry' } : { decision: 'expired' }
}

/** Returns a request that waits; undefined for any other. */
function waiting({ state: { current } }: CommandContext, id: string): RunApproval | undefined {
  const approval = current?.approvals.get(id)
  return approval?.answer === undefined && current?.cancelled === undefined ? approval : undefined
}

/**
 * Rejects `already-resolved` and `unknown-approval`, once it is durable that the request does not wait: a caller that hears of that forgets it. Rejects as the store
 * does, and the request may wait again.
 */
async function refuse({ state: { current }, journal }: CommandContext, id: string): Promise<never> {
  const approval = current?.approvals.get(id)
  await journal.flush()
  throw approval === undefined ? unknownApproval(id) : alreadyResolved(id, approval.answer?.decision)
}
