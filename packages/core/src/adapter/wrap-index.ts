/** A decorator of indices of sessions. */
import type { SessionIndex } from '../ports/session-index.ts'

/**
 * Returns an index with the methods of `own`; the other methods are those of `index`.
 *
 * @example
 * const frozen = wrapStore(store, { index: wrapIndex(store.index, { put: () => Promise.reject(new BeamClawError('store-full', 'Nothing is written')) }) })
 */
export function wrapIndex(index: SessionIndex, own: Partial<SessionIndex>): SessionIndex {
  return {
    put: (tenant, entries) => index.put(tenant, entries),
    delete: (tenant, keys) => index.delete(tenant, keys),
    get: (tenant, keys) => index.get(tenant, keys),
    page: (tenant, query) => index.page(tenant, query),
    status: (tenant) => index.status(tenant),
    complete: (tenant) => index.complete(tenant),
    clear: (tenant) => index.clear(tenant),
    ...own,
  }
}
