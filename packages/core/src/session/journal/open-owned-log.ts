/** Opens a log as its only owner. */
import { BeamClawError } from '../../base/errors.ts'
import type { Cluster, Lease } from '../../ports/cluster.ts'
import type { AppendLog, Store } from '../../ports/store.ts'
import type { StoreKey } from '../../ports/store-key.ts'

/** A log, and the lease with whose token it was opened. */
export interface OwnedLog {
  readonly log: AppendLog
  readonly lease: Lease
}

/** Opens the log with a token held by this node. `opener` is the actor that opens it. Rejects as `Store.openLog` does. */
export async function openOwnedLog(
  { store, cluster }: { readonly store: Store; readonly cluster: Cluster },
  leaseKey: string,
  logKey: StoreKey,
  opener: { readonly isAlive: boolean } = { isAlive: true },
): Promise<OwnedLog> {
  const lease = await cluster.acquire(leaseKey)
  try {
    return { log: await store.openLog(logKey, lease.token), lease }
  } catch (error) {
    const epoch = BeamClawError.isInstance(error, 'fenced') ? error.details.epoch : undefined
    // An opener that died meanwhile does not take the log from its successor.
    if (typeof epoch !== 'number' || !opener.isAlive) throw error
    // The epoch came from a clock that ran ahead. The cluster decides whether this node may exceed it.
    const again = await cluster.acquire(leaseKey, epoch)
    return { log: await store.openLog(logKey, again.token), lease: again }
  }
}
