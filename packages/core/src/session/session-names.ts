/** The names of a session on the bus, in the store and in the cluster. Each name contains the tenant. Pure. */
import { BeamClawError } from '../base/errors.ts'
import { type AgentId, parseSessionKey, type SessionKey, sessionKeyParts, type TenantId } from '../base/ids.ts'
import type { StoreKey } from '../ports/store-key.ts'

/**
 * Returns the key of a session that is named by its agent and a name without a colon. Throws `invalid-session-key`, with what to do, for a name that no
 * session may have.
 */
export function keyOfName(agent: AgentId, name: string): SessionKey {
  try {
    return parseSessionKey(`agent:${agent}:${name}`)
  } catch (error) {
    if (!BeamClawError.isInstance(error, 'invalid-session-key')) throw error
    const hint = `A name without a colon is a session of agent "${agent}"; make the key of any other name with sessionKeyOf('${agent}', name)`
    throw new BeamClawError('invalid-session-key', `${error.message}. ${hint}`, { cause: error })
  }
}

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

const topicPattern = /^([a-z0-9][a-z0-9_-]{0,63}):(?:session|committed):(agent:[^:]+:.+)$/

/** Returns the key under which a cluster grants the session of a topic; undefined for a topic that is no session's. */
export function leaseOfTopic(topic: string): string | undefined {
  const [, tenant, key] = topicPattern.exec(topic) ?? []
  return tenant === undefined ? undefined : `${tenant}:${key}`
}

/** Returns the topics of the session that a cluster grants under this key. */
export function topicsOfLease(lease: string): readonly string[] {
  const colon = lease.indexOf(':')
  const [tenant, key] = [lease.slice(0, colon) as TenantId, lease.slice(colon + 1) as SessionKey]
  return [sessionTopic(tenant, key), committedTopic(tenant, key)]
}

/** Returns the key of a session's journal; its documents are stored below it. */
export function journalKey(tenant: TenantId, key: SessionKey): StoreKey {
  const { agentId, sessionId } = sessionKeyParts(key)
  return [tenant, 'sessions', agentId, sessionId]
}
