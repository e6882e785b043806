/** The names of keys in Redis. All of one log have the same hash tag. */
import type { StoreKey, TenantId } from '@beamclaw/core'

/** Returns a name in ASCII, with `%` and four digits for every other character, and for those that separate names. */
export function escaped(name: string): string {
  return name.replace(/[^A-Za-z0-9_.:@~-]/g, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The keys of the document, the log and the blobs of one store key. */
export interface KeyNames {
  /** Hash: `v` version, `d` text, `w` id of the last write. */
  readonly document: string
  /** Hash of the log: `e` epoch, `n` nonce, `t` name of the list, `s` seq of the snapshot. */
  readonly owner: string
  readonly snapshot: string
  /** Hash: id of a blob → its size, or `-` while it is being written. */
  readonly blobs: string
  /** The list of records, whose name is the fence. */
  list(tag: string): string
  blobPiece(id: string, index: number): string
}

/** Returns the names of what belongs to `key`. */
export function keyNames(prefix: string, key: StoreKey): KeyNames {
  const base = `${prefix}:{${key.map(escaped).join('/')}}`
  return {
    document: `${base}:d`,
    owner: `${base}:m`,
    snapshot: `${base}:s`,
    blobs: `${base}:b`,
    list: (tag) => `${base}:j:${tag}`,
    blobPiece: (id, index) => `${base}:b:${id}:${index}`,
  }
}

/** Returns the name of the sorted set of all keys of a tenant. */
export function keySetName(prefix: string, tenant: TenantId): string {
  return `${prefix}:{${escaped(tenant)}}:keys`
}

/** Returns the beginning of the names of a tenant's index. */
export function indexName(prefix: string, tenant: TenantId): string {
  return `${prefix}:{${escaped(tenant)}}:ix`
}

/** Returns the name of the hash that identifies the store. */
export function storeName(prefix: string): string {
  return `${prefix}:store`
}
