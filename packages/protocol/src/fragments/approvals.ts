/** The methods `exec.approval.*`, and the events about requests for approval. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { nonEmpty, timestamp } from '../primitives.ts'

const scope = 'operator.approvals'

/** What a call may be decided as. `allow-always` is there for calls that may be remembered. */
const decisions = ['allow-once', 'allow-always', 'deny'] as const

/** A call that waits for approval. */
export const pendingApproval = z.strictObject({
  id: nonEmpty,
  request: z.strictObject({
    /** What the call would do, complete, with hidden characters as `\u{…}`. */
    command: nonEmpty,
    agentId: nonEmpty,
    sessionKey: nonEmpty,
    runId: nonEmpty,
    toolCallId: z.string(),
    toolName: nonEmpty,
    input: z.unknown(),
    /** What the tool will execute, for a tool that plans its calls. */
    detail: z.unknown().optional(),
    allowedDecisions: z.array(z.enum(decisions)),
    /** What the end of the time means. */
    onExpiry: z.enum(['deny', 'approve']),
  }),
  createdAtMs: timestamp,
  expiresAtMs: timestamp,
})

const permit = z.strictObject({ subject: nonEmpty.max(4_096), args: z.array(z.string().max(100_000)).max(1_000) })

/** Something that needs no approval any more. */
const grant = z.strictObject({
  id: nonEmpty,
  scope: z.enum(['session', 'agent', 'tenant']),
  sessionKey: nonEmpty.optional(),
  agentId: nonEmpty.optional(),
  subject: nonEmpty,
  args: z.array(z.string()),
  by: z.string(),
  createdAtMs: timestamp,
})

const idOnly = z.strictObject({ id: nonEmpty.max(128) })

const listParams = z.strictObject({
  /** Only those of one session. */
  sessionKey: nonEmpty.max(1_024).optional(),
  /** @default 1000 */
  limit: z.int().min(1).max(1_000).optional(),
})

const resolveParams = z.strictObject({
  id: nonEmpty.max(128),
  decision: z.enum(decisions),
  /** Who decided, as the client knows them: recorded beside the connection. */
  reviewer: z.strictObject({ channel: nonEmpty.max(64), accountId: nonEmpty.max(128), senderId: nonEmpty.max(128) }).optional(),
  /** How far `allow-always` reaches. @default 'agent' */
  scope: z.enum(['session', 'agent', 'tenant']).optional(),
  /** Patterns for the grants of `allow-always`; together they must cover the call. @default its exact arguments */
  patterns: z.array(permit).max(64).optional(),
  /** Of a denial, for the model. */
  reason: z.string().max(2_000).optional(),
})

const resolveResult = z.strictObject({ id: nonEmpty, decision: z.enum(decisions), grants: z.array(grant) })

const waitParams = z.strictObject({
  id: nonEmpty.max(128),
  /** Milliseconds to wait. @default 30000 */
  timeoutMs: z.int().min(0).max(600_000).optional(),
})

/** Result of `exec.approval.waitDecision`; null while there is none. */
const waitResult = z.strictObject({ id: nonEmpty, decision: z.enum(decisions).nullable() })

/** Payload of `exec.approval.resolved`. */
export const resolvedApproval = z.strictObject({
  id: nonEmpty,
  /** `deny` and `allow-once` also for the end of the time, see `outcome`. */
  decision: z.enum(decisions),
  outcome: z.enum(['approved', 'denied', 'expired']),
  sessionKey: nonEmpty,
  resolvedBy: z.string().nullable(),
  ts: timestamp,
})

/** Fragment of the methods `exec.approval.*` and their events. */
export const approvalMethods = defineMethods(
  {
    'exec.approval.list': { scope, params: listParams, result: z.array(pendingApproval) },
    'exec.approval.get': { scope, params: idOnly, result: pendingApproval },
    'exec.approval.resolve': { scope, params: resolveParams, result: resolveResult },
    'exec.approval.waitDecision': { scope, params: waitParams, result: waitResult },
    'exec.approval.grants.list': { scope, params: z.strictObject({}), result: z.strictObject({ grants: z.array(grant) }) },
    'exec.approval.grants.revoke': {
      scope,
      params: z.strictObject({ grantId: nonEmpty.max(128) }),
      result: z.strictObject({ outcome: z.enum(['revoked', 'not-found']) }),
    },
  },
  {
    events: {
      'exec.approval.requested': { scope, payload: pendingApproval },
      'exec.approval.resolved': { scope, payload: resolvedApproval },
    },
  },
)

/** A call that waits for approval. */
export type PendingApproval = z.infer<typeof pendingApproval>
/** Payload of `exec.approval.resolved`. */
export type ResolvedApproval = z.infer<typeof resolvedApproval>
/** Something that needs no approval any more. */
export type GrantShape = z.infer<typeof grant>
