/** The index of a faulty store. */
import type { SessionIndex, Store, TenantId } from '@beamclaw/core'
import { type StoreCall, type StoreFault, withStoreFault } from './store-fault.ts'

/** Tells the fault of a call. */
type Ask = (call: Omit<StoreCall, 'index'>) => { readonly call: StoreCall; readonly fault: StoreFault | undefined }

/** Returns the index of `store`, each call of which can go wrong. Calls take effect in call order: those behind a held one wait for it. */
export function faultyIndex(store: Store, ask: Ask): SessionIndex {
  let held: Promise<unknown> | undefined
  const make = <T>(name: keyof SessionIndex, tenant: TenantId, execute: () => Promise<T>): Promise<T> => {
    const { call, fault } = ask({ method: `index.${name}`, key: [tenant, 'index'] })
    const before = held
    if (fault === undefined && before === undefined) return execute()
    const made = async (): Promise<T> => {
      await before
      return fault === undefined ? execute() : withStoreFault(fault, call, execute)
    }
    const result = made()
    const settled = result
      .catch(() => {})
      .then(() => {
        if (held === settled) held = undefined
      })
    held = settled
    return result
  }
  return {
    put: (tenant, entries) => make('put', tenant, () => store.index.put(tenant, entries)),
    delete: (tenant, keys) => make('delete', tenant, () => store.index.delete(tenant, keys)),
    get: (tenant, keys) => make('get', tenant, () => store.index.get(tenant, keys)),
    page: (tenant, query) => make('page', tenant, () => store.index.page(tenant, query)),
    status: (tenant) => make('status', tenant, () => store.index.status(tenant)),
    complete: (tenant) => make('complete', tenant, () => store.index.complete(tenant)),
    clear: (tenant) => make('clear', tenant, () => store.index.clear(tenant)),
  }
}
