/** The store as one node sees it: the calls of a node that stands still are held up, and a dead one makes no more. */
import type { AppendLog, Store } from '@beamclaw/core'
import { wrapLog, wrapStore } from '@beamclaw/core/adapter'

/** What a call of the store waits for. */
export interface NodeGate {
  /** Resolves once the node goes on; undefined while it does. */
  readonly thawed: Promise<void> | undefined
  readonly isDead: boolean
}

/** I1: the calls of one node take effect in the order in which they were made. I2: a call that a dead node makes has no effect, and never settles. */
export function nodeStore(store: Store, gate: NodeGate): Store {
  let waiting = 0
  const hold = async <T>(call: () => Promise<T>): Promise<T> => {
    waiting++
    await gate.thawed
    waiting--
    return gate.isDead ? new Promise<never>(() => {}) : call()
  }
  const pass = async <T>(call: () => Promise<T>): Promise<T> => {
    if (gate.isDead) return new Promise<never>(() => {})
    try {
      return await (gate.thawed === undefined && waiting === 0 ? call() : hold(call))
    } finally {
      // Its answer arrives at a node that stands still.
      if (gate.thawed !== undefined) await gate.thawed
    }
  }
  const gatedLog = (log: AppendLog): AppendLog =>
    wrapLog(log, {
      append: (records) => {
        const copied = gate.thawed === undefined ? records : structuredClone(records)
        return pass(() => log.append(copied))
      },
      read: (fromSeq) => pass(() => log.read(fromSeq)),
      snapshot: (snapshot, options) => pass(() => log.snapshot(snapshot, options)),
    })
  return wrapStore(store, {
    get: (key) => pass(() => store.get(key)),
    put: (key, value, options) => pass(() => store.put(key, value, options)),
    delete: (key, options) => pass(() => store.delete(key, options)),
    list: (prefix, options) => pass(() => store.list(prefix, options)),
    openLog: (key, token) => pass(async () => gatedLog(await store.openLog(key, token))),
    readLog: (key, options) => pass(() => store.readLog(key, options)),
    deleteLog: (key, token) => pass(() => store.deleteLog(key, token)),
    stop: async () => {},
  })
}
