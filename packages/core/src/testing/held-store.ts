/** A store in memory whose calls of one method can be held: they have no effect and do not settle until they are released. */
import { wrapIndex } from '../adapter/wrap-index.ts'
import { wrapLog } from '../adapter/wrap-log.ts'
import { wrapStore } from '../adapter/wrap-store.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { AppendLog, Store } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'

export type HeldMethod =
  | Exclude<keyof Store, 'blobs' | 'index' | 'deleteLog' | 'delete' | 'list'>
  | 'append'
  | 'read'
  | 'snapshot'
  | 'close'

export interface HeldStore {
  readonly store: Store
  /** What is stored, whatever is held. */
  readonly memory: MemoryStore
  /** Holds the calls of the method from now on, for keys of this kind: `sessions`, `activity`, `index`; of every kind unless given. */
  hold(method: HeldMethod, kind?: string): void
  /** Lets the held calls take effect. */
  release(): void
  /** Resolves once a call is held. */
  readonly isHeld: Promise<void>
}

/** The memory is not stopped with the store: another BeamClaw may start over it. */
export function heldStore(memory = new MemoryStore()): HeldStore {
  let held: { readonly method: HeldMethod; readonly kind: string | undefined } | undefined
  let gate = Promise.withResolvers<void>()
  const isHeld = Promise.withResolvers<void>()
  const pass = async (method: HeldMethod, key: StoreKey | undefined): Promise<void> => {
    if (held?.method !== method || (held.kind !== undefined && key?.[1] !== held.kind)) return
    isHeld.resolve()
    await gate.promise
  }
  const withHolds = (log: AppendLog, key: StoreKey): AppendLog =>
    wrapLog(log, {
      append: (records) => pass('append', key).then(() => log.append(records)),
      read: (fromSeq) => pass('read', key).then(() => log.read(fromSeq)),
      snapshot: (snapshot, options) => pass('snapshot', key).then(() => log.snapshot(snapshot, options)),
      close: () => pass('close', key).then(() => log.close()),
    })
  const store = wrapStore(memory, {
    get: (key) => pass('get', key).then(() => memory.get(key)),
    index: wrapIndex(memory.index, {
      put: (tenant, entries) => pass('put', [tenant, 'index']).then(() => memory.index.put(tenant, entries)),
    }),
    put: (key, value, options) => pass('put', key).then(() => memory.put(key, value, options)),
    openLog: async (key, token) => {
      await pass('openLog', key)
      return withHolds(await memory.openLog(key, token), key)
    },
    stop: () => pass('stop', undefined),
  })
  return {
    store,
    memory,
    hold: (method, kind) => {
      held = { method, kind }
    },
    release: () => {
      held = undefined
      gate.resolve()
      gate = Promise.withResolvers()
    },
    isHeld: isHeld.promise,
  }
}
