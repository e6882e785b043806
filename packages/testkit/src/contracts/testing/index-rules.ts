/** The rules of a plain store's index: correct by default. */
import type { SessionIndex, SessionIndexEntry, SessionIndexQuery, SessionKey } from '@beamclaw/core'
import { type CheckedIndexQuery, checkIndexKeys, checkIndexQuery, compareIndexPlaces, encodeIndexEntries } from '@beamclaw/core/adapter'

/** What a disk holds of one tenant's index. */
export interface PlainTenant {
  readonly entries: Map<string, SessionIndexEntry>
  isComplete: boolean
}

/** Everything about which authors of indices are mistaken. */
export interface IndexRules {
  readonly checksTenant: boolean
  readonly isCompleteAtFirst: boolean
  readonly tenantOf: (tenant: string) => string
  readonly isStopped: (method: keyof SessionIndex) => boolean
  readonly queue: (before: Promise<unknown>) => Promise<unknown>
  readonly encode: (entries: readonly SessionIndexEntry[]) => readonly SessionIndexEntry[]
  readonly checkKeys: (keys: readonly SessionKey[]) => readonly SessionKey[]
  readonly checkQuery: (query: SessionIndexQuery) => CheckedIndexQuery
  readonly put: (tenant: PlainTenant, entries: readonly SessionIndexEntry[]) => void
  readonly delete: (tenant: PlainTenant, keys: readonly SessionKey[]) => void
  readonly copies: (entries: readonly (SessionIndexEntry | undefined)[]) => readonly SessionIndexEntry[]
  readonly page: (entries: readonly SessionIndexEntry[], query: CheckedIndexQuery) => readonly SessionIndexEntry[]
  readonly complete: (tenant: PlainTenant, all: readonly PlainTenant[]) => void
  readonly clear: (tenant: PlainTenant, all: readonly PlainTenant[]) => void
}

export function placeOf(entry: SessionIndexEntry, sort: SessionIndexQuery['sort']): { readonly sessionKey: string; readonly at: number } {
  return { sessionKey: entry.sessionKey, at: sort === 'key' ? 0 : (entry[sort] ?? 0) }
}

export const correctIndexRules: IndexRules = {
  checksTenant: true,
  isCompleteAtFirst: false,
  tenantOf: (tenant) => tenant,
  isStopped: () => true,
  queue: (before) => before,
  encode: (entries) => encodeIndexEntries(entries, 64 * 1024 * 1024).map(({ json }) => JSON.parse(json) as SessionIndexEntry),
  checkKeys: checkIndexKeys,
  checkQuery: checkIndexQuery,
  put: (tenant, entries) => {
    for (const entry of entries) tenant.entries.set(entry.sessionKey, entry)
  },
  delete: (tenant, keys) => {
    for (const key of keys) tenant.entries.delete(key)
  },
  copies: (entries) => structuredClone(entries.filter((entry) => entry !== undefined)),
  page: (entries, { sort, prefix, label, owner, after, limit }) =>
    entries
      .filter(({ sessionKey, settings }) => {
        if (label !== undefined && settings.label !== label) return false
        if (owner !== undefined && settings.owner !== owner) return false
        return sessionKey.startsWith(prefix)
      })
      .filter((entry) => after === undefined || compareIndexPlaces(sort, placeOf(entry, sort), { at: 0, ...after }) > 0)
      .sort((a, b) => compareIndexPlaces(sort, placeOf(a, sort), placeOf(b, sort)))
      .slice(0, limit),
  complete: (tenant) => {
    tenant.isComplete = true
  },
  clear: (tenant) => {
    tenant.entries.clear()
    tenant.isComplete = false
  },
}
