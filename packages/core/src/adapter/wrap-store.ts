/** A decorator of stores. */
import type { Store } from '../ports/store.ts'

/**
 * Returns a store with the methods of `own`; the other methods are those of `store`.
 *
 * @example
 * const readOnly = wrapStore(store, { put: () => Promise.reject(new BeamClawError('store-full', 'Nothing is written')) })
 */
export function wrapStore(store: Store, own: Partial<Store>): Store {
  return {
    ...(store.id === undefined ? {} : { id: () => (store as Required<Store>).id() }),
    blobs: store.blobs,
    index: store.index,
    get: (key) => store.get(key),
    put: (key, value, options) => store.put(key, value, options),
    delete: (key, options) => store.delete(key, options),
    list: (prefix, options) => store.list(prefix, options),
    openLog: (key, token) => store.openLog(key, token),
    readLog: (key, options) => store.readLog(key, options),
    deleteLog: (key, token) => store.deleteLog(key, token),
    stop: () => store.stop(),
    ...own,
  }
}
