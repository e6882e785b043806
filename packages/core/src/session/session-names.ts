/** The names of a session on the bus, in the store and in the cluster. Each name contains the tenant. Pure. */
import { type SessionKey, sessionKeyParts, type TenantId } from '../base/ids.ts'
import type { StoreKey } from '../ports/store.ts'

/** Returns the topic of a session's events. */
export function sessionTopic(tenant: TenantId, key: SessionKey): string {
  return `${tenant}:session:${key}`
}

/** Returns the topic of a session's durable events, for readers that need no pieces of answers. */
export function committedTopic(tenant: TenantId, key: SessionKey): string {
  return `${tenant}:committed:${key}`
}

/** Returns the key under which a cluster grants a session to a node. */
export function sessionLease(tenant: TenantId, key: SessionKey): string {
  return `${tenant}:${key}`
}

/** Returns the key of a session's journal; its documents are stored below it. */
export function journalKey(tenant: TenantId, key: SessionKey): StoreKey {
  const { agentId, sessionId } = sessionKeyParts(key)
  return [tenant, 'sessions', agentId, sessionId]
}
