/** `/v1/approvals`: the requests for approval that wait, and their decisions. */
import type { RunningBeamClaw } from '@beamclaw/core'
import { definedOnly } from '@beamclaw/core/adapter'
import { approvalMethods } from '@beamclaw/protocol'
import type { Context } from 'hono'
import { check } from '../schema-check.ts'
import { pendingOf, resolveApproval } from '../shown-approval.ts'
import type { HttpEnv } from './guard.ts'
import type { HttpAppOptions } from './http-app-options.ts'
import { badRequest } from './http-failure.ts'
import { jsonBody } from './json-body.ts'

/** `GET /v1/approvals`, with the query `sessionKey` for those of one session. */
export async function listApprovals(context: Context<HttpEnv>, claw: RunningBeamClaw): Promise<Response> {
  const requests = await claw.approvals.list(definedOnly({ sessionKey: context.req.query('sessionKey') }))
  return context.json({ object: 'list', data: requests.map(pendingOf) })
}

/** `GET /v1/approvals/<id>`. */
export async function getApproval(context: Context<HttpEnv>, claw: RunningBeamClaw): Promise<Response> {
  return context.json(pendingOf(await claw.approvals.get(context.req.param('id') ?? '')))
}

/** `POST /v1/approvals/<id>`: the parameters of `exec.approval.resolve` without the id. */
export async function decideApproval(context: Context<HttpEnv>, options: HttpAppOptions): Promise<Response> {
  const body = await jsonBody(context, options)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('body: expected an object')
  const { params } = approvalMethods.methods['exec.approval.resolve']
  const parsed = check(params, { ...body, id: context.req.param('id') })
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw badRequest(`${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'is not valid'}`)
  }
  return context.json(await resolveApproval(options.claw, parsed.data, 'http'))
}
