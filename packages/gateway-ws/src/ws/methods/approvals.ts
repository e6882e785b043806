/** `exec.approval.*`: the requests for approval of the default tenant, their decisions, and the grants. */
import { type ApprovalAnswer, BeamClawError } from '@beamclaw/core'
import { definedOnly } from '@beamclaw/core/adapter'
import type { approvalMethods, ResolvedApproval } from '@beamclaw/protocol'
import type { Publish } from '../../methods/implement-methods.ts'
import { grantOf, pendingOf, resolveApproval } from '../../shown-approval.ts'
import { RequestFailure } from '../failure.ts'
import type { Method, World } from './call.ts'

export const approvalList: Method<'exec.approval.list'> = async (params, { claw }) =>
  (await claw.approvals.list(definedOnly(params))).map(pendingOf)

export const approvalGet: Method<'exec.approval.get'> = async ({ id }, { claw }) => pendingOf(await found(claw.approvals.get(id)))

export const approvalResolve: Method<'exec.approval.resolve'> = (params, { claw }, { connection }) =>
  found(resolveApproval(claw, params, `connection:${connection.id}`))

export const approvalWaitDecision: Method<'exec.approval.waitDecision'> = async ({ id, timeoutMs = 30_000 }, world, { connection }) => {
  const { claw, services } = world
  const { promise, resolve } = Promise.withResolvers<ResolvedApproval['decision'] | null>()
  const leave = (): void => resolve(null)
  const stop = claw.on('approval-decision', (event) => event.id === id && resolve(wireDecision(event.answer)), {
    tenant: claw.approvals.tenant,
    nodes: 'all',
  })
  const timer = services.clock.setTimer(leave, timeoutMs)
  connection.signal.addEventListener('abort', leave, { once: true })
  try {
    // Listened first: it may be decided during the look.
    await found(claw.approvals.get(id))
    return { id, decision: await promise }
  } catch (error) {
    const decision = BeamClawError.isInstance(error, 'already-resolved') ? error.details?.decision : undefined
    if (decision === undefined) throw error
    return { id, decision: decision === 'approved' ? 'allow-once' : 'deny' }
  } finally {
    stop()
    timer.cancel()
    connection.signal.removeEventListener('abort', leave)
  }
}

export const grantsList: Method<'exec.approval.grants.list'> = (_, { claw }) => ({ grants: claw.approvals.grants().map(grantOf) })

export const grantsRevoke: Method<'exec.approval.grants.revoke'> = async ({ grantId }, { claw }) => {
  try {
    await claw.approvals.revoke(grantId)
    return { outcome: 'revoked' }
  } catch (error) {
    if (BeamClawError.isInstance(error, 'unknown-approval')) return { outcome: 'not-found' }
    throw error
  }
}

/** Publishes requests and decisions to the connections that may approve. Returns what ends that. */
export function publishApprovals({ claw, services }: World, publish: Publish<typeof approvalMethods>): () => void {
  const filter = { tenant: claw.approvals.tenant, nodes: 'all' } as const
  const stops = [
    claw.on(
      'approval-request',
      ({ request, sessionKey, runId }) => publish('exec.approval.requested', pendingOf({ ...request, sessionKey, runId })),
      filter,
    ),
    claw.on(
      'approval-decision',
      ({ id, answer, sessionKey }) => {
        const outcome = answer.decision
        const ts = Math.round(services.clock.now())
        publish('exec.approval.resolved', { id, decision: wireDecision(answer), outcome, sessionKey, resolvedBy: answer.by ?? null, ts })
      },
      filter,
    ),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function wireDecision({ decision, scope = 'once' }: ApprovalAnswer): ResolvedApproval['decision'] {
  if (decision !== 'approved') return 'deny'
  return scope === 'once' ? 'allow-once' : 'allow-always'
}

/** The protocol has a code of its own for a request that is not there. */
async function found<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!BeamClawError.isInstance(error, 'unknown-approval')) throw error
    throw new RequestFailure('APPROVAL_NOT_FOUND', error.message, { details: { code: error.code }, retryable: false })
  }
}
