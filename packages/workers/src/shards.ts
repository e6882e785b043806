/** Which shard of a data directory has a key. Pure, and the same in every version: an answer that changed would hide what is stored. */
import { type SessionKey, type StoreKey, sessionKeyParts, type TenantId } from '@beamclaw/core'

/** Shards of a data directory. */
export const shardCount = 16

/** All shards, in order. */
export const allShards: readonly number[] = Array.from({ length: shardCount }, (_, shard) => shard)

const leasePattern = /^([a-z0-9][a-z0-9_-]{0,63}):(agent:[^:]+:.+)$/

// The list of busy sessions of one life of a worker is kept where that worker writes anyway: its incarnation ends with the shard.
const markPattern = /-s([01][0-9])(?:\.[0-9]+)?$/

/**
 * Returns the shard of a key of the store. All that is below one session has the session's shard; anything else is placed by its first three parts, unless the
 * third one names a shard, as `markedName` makes it.
 *
 * @example
 * shardOfKey(['default', 'grants', 'g1'])
 */
export function shardOfKey(key: StoreKey): number {
  if (key[1] === 'sessions' && key.length >= 4) return hashOf(key.slice(0, 4).join('\n')) % shardCount
  return shardOfMark(key[2] ?? '') ?? hashOf(key.slice(0, 3).join('\n')) % shardCount
}

/** Returns the shard that a name is marked with; undefined for a name without a mark. */
export function shardOfMark(name: string): number | undefined {
  const marked = Number(markPattern.exec(name)?.[1] ?? Number.NaN)
  return marked < shardCount ? marked : undefined
}

/** Returns the only shard that has keys below a prefix; undefined when any may have some. */
export function shardBelow(prefix: StoreKey): number | undefined {
  const needed = prefix[1] === 'sessions' ? 4 : 3
  return prefix.length >= needed ? shardOfKey(prefix) : undefined
}

/** Returns the shard of a session. */
export function shardOfSession(tenant: TenantId, key: SessionKey): number {
  const { agentId, sessionId } = sessionKeyParts(key)
  return shardOfKey([tenant, 'sessions', agentId, sessionId])
}

/** Returns the shard of the session that a cluster grants under this key; undefined for a key that is no session's. */
export function shardOfLease(lease: string): number | undefined {
  const [, tenant, key] = leasePattern.exec(lease) ?? []
  return tenant === undefined ? undefined : shardOfSession(tenant as TenantId, key as SessionKey)
}

/** Returns a name that `shardOfKey` places in this shard when it is the third part of a key. */
export function markedName(name: string, shard: number): string {
  return `${name}-s${folderOfShard(shard)}`
}

/** Returns the folder of a shard: `00` to `15`. */
export function folderOfShard(shard: number): string {
  return String(shard).padStart(2, '0')
}

/** FNV-1a over UTF-16 code units, with the finalizer of MurmurHash3: neighbouring names must not meet in one shard. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
