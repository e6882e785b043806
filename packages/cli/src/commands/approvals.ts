/** `beamclaw approvals`: lists the calls that wait for a person, and decides about them. */
import type { MethodResult, PendingApproval } from '@beamclaw/protocol'
import { ClientError } from '../client/client-error.ts'
import type { GatewayClient } from '../client/gateway-client.ts'
import { coloured, harmless, say, sayIndented, sayJson, sayTable, shownDuration, shownTime } from '../output.ts'
import { type GatewayFlags, withGateway } from './with-gateway.ts'

export interface ApproveFlags extends GatewayFlags {
  readonly for?: 'once' | 'session' | 'agent' | 'tenant'
}

export interface DenyFlags extends GatewayFlags {
  readonly reason?: string
}

export async function listApprovals(flags: GatewayFlags): Promise<void> {
  const waiting = await withGateway(flags, (client) => client.request('exec.approval.list', {}))
  if (flags.json === true) return sayJson({ approvals: waiting })
  if (waiting.length === 0) return say('Nothing waits for approval')
  const rows = waiting.map(({ id, request, expiresAtMs }) => [id, leftOf(expiresAtMs), request.sessionKey, firstLine(request.command)])
  sayTable(['ID', 'LEFT', 'SESSION', 'WHAT'], rows)
}

export async function showApproval(id: string, flags: GatewayFlags): Promise<void> {
  const found = await withGateway(flags, (client) => findApproval(client, id))
  if (flags.json === true) return sayJson(found)
  sayApproval(found)
}

export async function approve(id: string, flags: ApproveFlags): Promise<void> {
  const { for: reach = 'once' } = flags
  const done = await withGateway(flags, async (client) => {
    const found = await findApproval(client, id)
    return decide(client, found.id, reach === 'once' ? 'allow-once' : 'allow-always', reach === 'once' ? {} : { scope: reach })
  })
  if (flags.json === true) return sayJson(done)
  say(`${done.id} is approved`)
  for (const grant of done.grants) say(`Asks no more: ${shownGrant(grant)}`)
}

export async function deny(id: string, { reason, ...flags }: DenyFlags): Promise<void> {
  const done = await withGateway(flags, async (client) => {
    const found = await findApproval(client, id)
    return decide(client, found.id, 'deny', reason === undefined ? {} : { reason })
  })
  if (flags.json === true) return sayJson(done)
  say(`${done.id} is denied`)
}

export async function listGrants(flags: GatewayFlags): Promise<void> {
  const { grants } = await withGateway(flags, (client) => client.request('exec.approval.grants.list', {}))
  if (flags.json === true) return sayJson({ grants })
  if (grants.length === 0) return say('There are no grants: each call that can do harm asks')
  sayTable(
    ['ID', 'SINCE', 'REACHES', 'WHAT'],
    grants.map((grant) => [grant.id, shownTime(grant.createdAtMs), reachOf(grant), whatOf(grant)]),
  )
}

export async function revoke(grantId: string, flags: GatewayFlags): Promise<void> {
  const { outcome } = await withGateway(flags, (client) => client.request('exec.approval.grants.revoke', { grantId }))
  if (outcome === 'not-found') throw new ClientError('unknown-approval', `There is no grant "${grantId}"; see beamclaw approvals grants`)
  if (flags.json === true) return sayJson({ grantId, outcome })
  say(`${grantId} is revoked`)
}

type Decision = MethodResult<'exec.approval.resolve'>

/** Sends a decision. */
export function decide(
  client: GatewayClient,
  id: string,
  decision: Decision['decision'],
  more: { readonly scope?: 'session' | 'agent' | 'tenant'; readonly reason?: string } = {},
): Promise<Decision> {
  return client.request('exec.approval.resolve', { id, decision, ...more })
}

/** Prints all that a person has to know before deciding. */
export function sayApproval({ id, request, expiresAtMs }: PendingApproval): void {
  const { command, agentId, sessionKey, toolName, onExpiry } = request
  say(`${coloured('bold', id)} asks for ${harmless(toolName)}`)
  sayIndented(harmless(command))
  const end = onExpiry === 'deny' ? 'is denied then' : 'runs then'
  say(coloured('dim', `agent ${agentId}, session ${sessionKey}, ${leftOf(expiresAtMs)} left, ${end}`))
}

/** Returns the request with this id, or the only one whose id begins or ends with it. */
async function findApproval(client: GatewayClient, id: string): Promise<PendingApproval> {
  const waiting = await client.request('exec.approval.list', {})
  const found = waiting.filter((one) => one.id === id || (id.length >= 4 && (one.id.startsWith(id) || one.id.endsWith(id))))
  const [first, second] = found
  if (first !== undefined && second === undefined) return first
  if (first === undefined) return await whyNotWaiting(client, id)
  throw new ClientError('unknown-approval', `"${id}" is the beginning or end of ${found.length} ids; give more of it`)
}

/** Rejects with what the gateway knows of an id that does not wait: it knows those that were decided by their whole ids alone. */
async function whyNotWaiting(client: GatewayClient, id: string): Promise<PendingApproval> {
  try {
    return await client.request('exec.approval.get', { id })
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'unknown-approval') throw error
    const advice = 'it may have been decided: the whole id tells that, see beamclaw approvals list for those that wait'
    throw new ClientError('unknown-approval', `Nothing that waits has the id "${id}", or one that begins or ends with it; ${advice}`, error)
  }
}

function leftOf(expiresAtMs: number): string {
  return shownDuration(Math.max(0, expiresAtMs - Date.now()))
}

/** Returns the beginning in one line: of a text that begins with facts, what is marked after them. */
function firstLine(text: string): string {
  const marked = text.search(/^\| /m)
  return harmless(marked === -1 ? text : text.slice(marked))
    .replaceAll(/\s+/g, ' ')
    .slice(0, 60)
}

type Grant = MethodResult<'exec.approval.grants.list'>['grants'][number]

function shownGrant(grant: Grant): string {
  return `${whatOf(grant)} (${reachOf(grant)})`
}

function whatOf({ subject, args }: Grant): string {
  return harmless([subject, ...args.map((one) => (/^[\w./*=:@%+-]+$/.test(one) ? one : JSON.stringify(one)))].join(' '))
}

function reachOf({ scope, sessionKey, agentId }: Grant): string {
  return scope === 'tenant' ? 'everywhere' : scope === 'agent' ? `agent ${agentId}` : `session ${sessionKey}`
}
