/** The requests for approval of a run. Pure. */
import type { ApprovalRequest } from '../../base/approval.ts'
import type { SessionKey } from '../../base/ids.ts'
import type { RunApproval, RunState } from './run-state.ts'

/** Returns the request that a call has to wait for before it may begin, decided or not; undefined for a call that was not asked about. */
export function approvalOf({ approvals }: RunState, toolCallId: string): RunApproval | undefined {
  for (const approval of approvals.values())
    if (approval.request.toolCallId === toolCallId && approval.request.question === undefined) return approval
  return undefined
}

/** True for a call that may not begin yet. */
export function waitsForApproval(run: RunState, toolCallId: string): boolean {
  const approval = run.approvals.size === 0 ? undefined : approvalOf(run, toolCallId)
  return approval !== undefined && approval.answer === undefined
}

/** Returns the undecided requests. A run that is being aborted waits for none. */
export function pendingOf({ approvals, cancelled }: RunState): readonly RunApproval[] {
  return cancelled === undefined && approvals.size > 0 ? [...approvals.values()].filter(({ answer }) => answer === undefined) : []
}

/** True for a run that does nothing but wait for decisions: each open call has an undecided request. */
export function isParked(run: RunState): boolean {
  const { response, results, cancelled, approvals, underWay } = run
  if (approvals.size === 0 || response === undefined || cancelled !== undefined || underWay.size > 0) return false
  const open = response.calls.filter(({ id }) => !results.has(id))
  return open.length > 0 && open.every(({ id }) => waitsForApproval(run, id))
}

/** Returns the undecided requests of a run, as they are found outside of the session. */
export function requestsOf(sessionKey: SessionKey, run: RunState | undefined): readonly ApprovalRequest[] {
  return run === undefined ? [] : pendingOf(run).map(({ request }) => ({ ...request, sessionKey, runId: run.runId }))
}
