/** The sessions that the store has. */
import { type AgentId, parseSessionKey, type SessionKey, sessionKey, type TenantId } from '../ids.ts'
import type { Store, StoreKey } from '../ports/store.ts'
import type { ActivityLog } from './activity-log.ts'
import { MetadataDocument, type SessionMetadata } from './session-metadata.ts'
import { journalKey } from './session-world.ts'

export interface SessionSummary {
  readonly sessionKey: SessionKey
  readonly agentId: AgentId
  /** When it was last at work, in milliseconds; absent when that is longer ago than is remembered. */
  readonly updatedAt?: number
  readonly metadata: SessionMetadata
}

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
  const { value: metadata } = await new MetadataDocument(store, tenant, key).load()
  const updatedAt = activity.lastSeen(key)
  return { sessionKey: key, agentId: agent as AgentId, ...(updatedAt === undefined ? {} : { updatedAt }), metadata }
}
