/** The index of a plain store: as correct as its rules. */
import type { SessionIndex, SessionIndexEntry, TenantId } from '@beamclaw/core'
import { checkIndexTenant } from '@beamclaw/core/adapter'
import type { PlainTenant } from './index-rules.ts'
import { type PlainDisk, refusal, type StoreRules, turn } from './store-rules.ts'

export function plainIndex(rules: StoreRules, { indices }: PlainDisk, isStopped: () => boolean): SessionIndex {
  const { index } = rules
  const check = (method: keyof SessionIndex, tenant: TenantId): void => {
    if (isStopped() && index.isStopped(method)) throw refusal('store-stopped', 'stopped')
    if (index.checksTenant) checkIndexTenant(tenant)
  }
  const of = (tenant: TenantId): PlainTenant => {
    const name = index.tenantOf(tenant)
    const found = indices.get(name) ?? { entries: new Map<string, SessionIndexEntry>(), isComplete: index.isCompleteAtFirst }
    indices.set(name, found)
    return found
  }
  // One call takes effect after the other.
  let before: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => T): Promise<T> => {
    const done = index.queue(before).then(work)
    before = done.catch(() => {})
    return done
  }
  return {
    put: async (tenant, entries) => {
      check('put', tenant)
      const copies = index.encode(entries)
      await inTurn(() => index.put(of(tenant), copies))
    },
    delete: async (tenant, keys) => {
      check('delete', tenant)
      const own = index.checkKeys(keys)
      await inTurn(() => index.delete(of(tenant), own))
    },
    get: async (tenant, keys) => {
      check('get', tenant)
      const own = index.checkKeys(keys)
      return await inTurn(() => own.flatMap((key) => index.copies([of(tenant).entries.get(key)])))
    },
    page: async (tenant, query) => {
      check('page', tenant)
      const checked = index.checkQuery(query)
      return await inTurn(() => index.copies(index.page([...of(tenant).entries.values()], checked)))
    },
    status: async (tenant) => {
      check('status', tenant)
      await turn()
      return of(tenant).isComplete ? { isComplete: true } : { isComplete: false, reason: 'it is new' }
    },
    complete: async (tenant) => {
      check('complete', tenant)
      await inTurn(() => index.complete(of(tenant), [...indices.values()]))
    },
    clear: async (tenant) => {
      check('clear', tenant)
      await inTurn(() => index.clear(of(tenant), [...indices.values()]))
    },
  }
}
