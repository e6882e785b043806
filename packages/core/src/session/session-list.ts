/** The sessions that the store has. */
import { BeamClawError } from '../base/errors.ts'
import { type AgentId, parseSessionKey, type SessionKey, sessionKey, type TenantId } from '../base/ids.ts'
import type { Store, StoreKey } from '../ports/store.ts'
import type { ActivityLog } from './activity/activity-log.ts'
import { journalKey } from './session-dependencies.ts'
import { type SessionSettings, SettingsDocument } from './session-settings.ts'

/** One session in a list of sessions. */
export interface SessionSummary {
  readonly sessionKey: SessionKey
  readonly agentId: AgentId
  /** When it was last at work, in milliseconds; absent when that is longer ago than is remembered. */
  readonly updatedAt?: number
  readonly metadata: SessionSettings
}

/** Options of `listSessions`. */
export interface ListSessionsOptions {
  readonly agentId?: string
  /** Start after this session. */
  readonly after?: string
  /** @default 1000 */
  readonly limit?: number
}

/** Sessions in the order of their keys. */
export async function listSessions(
  store: Store,
  tenant: TenantId,
  activity: ActivityLog,
  { agentId, after, limit }: { readonly agentId: AgentId | undefined; readonly after: string | undefined; readonly limit: number },
): Promise<readonly SessionSummary[]> {
  const prefix: StoreKey = agentId === undefined ? [tenant, 'sessions'] : [tenant, 'sessions', agentId]
  const found: SessionSummary[] = []
  let last: StoreKey | undefined = after === undefined ? undefined : journalKey(tenant, parseSessionKey(after))
  while (found.length < limit) {
    const keys = await store.list(prefix, { limit: Math.min(1_000, limit - found.length), ...(last === undefined ? {} : { after: last }) })
    // Beside each journal lies what else is kept of its session.
    const journals = keys.filter((key) => key.length === 4)
    found.push(...(await Promise.all(journals.map((key) => summaryOf(store, tenant, activity, key)))))
    last = keys.at(-1)
    if (last === undefined) break
  }
  return found
}

async function summaryOf(
  store: Store,
  tenant: TenantId,
  activity: ActivityLog,
  [, , agent = '', id = '']: StoreKey,
): Promise<SessionSummary> {
  const key = sessionKey(agent, id)
  const metadata = await settingsOf(store, tenant, key)
  const updatedAt = activity.lastSeen(key)
  return { sessionKey: key, agentId: agent as AgentId, ...(updatedAt === undefined ? {} : { updatedAt }), metadata }
}

/** A session whose settings cannot be read is listed without them: it says so itself when it is used. */
async function settingsOf(store: Store, tenant: TenantId, key: SessionKey): Promise<SessionSettings> {
  try {
    return (await new SettingsDocument(store, tenant, key).load()).value
  } catch (error) {
    if (BeamClawError.isInstance(error, 'log-corrupt')) return {}
    throw error
  }
}

/** True when the store has anything of the session. */
export async function hasSession(store: Store, tenant: TenantId, key: SessionKey): Promise<boolean> {
  const wanted = journalKey(tenant, key)
  const [next] = await store.list(wanted.slice(0, -1) as unknown as StoreKey, { after: before(wanted), limit: 1 })
  return next !== undefined && wanted.every((part, index) => next[index] === part)
}

/** A key right before this one: no session id lies in between. */
function before(key: StoreKey): StoreKey {
  const last = key.at(-1) ?? ''
  const end = last.length - 1
  return [...key.slice(0, -1), `${last.slice(0, end)}${String.fromCharCode(last.charCodeAt(end) - 1)}\uffff`] as unknown as StoreKey
}
