/** Approvals in the shape of the protocol, for WebSocket and HTTP. */
import type { ApprovalRequest, Grant, RunningBeamClaw } from '@beamclaw/core'
import { definedOnly } from '@beamclaw/core/adapter'
import type { approvalMethods, GrantShape, ParamsOf, PendingApproval, ResultOf } from '@beamclaw/protocol'

/**
 * Decides about a request. `origin` is what the gateway knows of the caller; what the caller says of a person is recorded as its word. Rejects as
 * `ApprovalGate.approve` and `deny` do.
 */
export async function resolveApproval(
  { approvals }: RunningBeamClaw,
  { id, decision, reviewer, scope = 'agent', patterns, reason }: ParamsOf<typeof approvalMethods, 'exec.approval.resolve'>,
  origin: string,
): Promise<ResultOf<typeof approvalMethods, 'exec.approval.resolve'>> {
  const by = reviewer === undefined ? origin : `${origin} for ${reviewer.channel}:${reviewer.senderId}`
  const { grants } = await (decision === 'deny'
    ? approvals.deny(id, { by, ...definedOnly({ reason }) })
    : approvals.approve(id, { by, ...(decision === 'allow-once' ? {} : { scope, ...definedOnly({ patterns }) }) }))
  return { id, decision, grants: grants.map(grantOf) }
}

/** Returns a request in the shape of the protocol. */
export function pendingOf(request: ApprovalRequest): PendingApproval {
  const { id, display, agentId, sessionKey, runId, toolCallId, toolName, input, detail, permits = [], onExpiry } = request
  return {
    id,
    request: {
      command: display,
      agentId,
      sessionKey,
      runId,
      toolCallId,
      toolName,
      input,
      ...definedOnly({ detail }),
      allowedDecisions: permits.length > 0 ? ['allow-once', 'allow-always', 'deny'] : ['allow-once', 'deny'],
      onExpiry,
    },
    createdAtMs: Math.round(request.requestedAt),
    expiresAtMs: Math.round(request.expiresAt),
  }
}

/** Returns a grant in the shape of the protocol. */
export function grantOf({ id, scope, sessionKey, agentId, subject, args, by, createdAt }: Grant): GrantShape {
  return { id, scope, ...definedOnly({ sessionKey, agentId }), subject, args: [...args], by, createdAtMs: Math.round(createdAt) }
}
