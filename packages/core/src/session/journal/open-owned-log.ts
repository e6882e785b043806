/** Opens a log as its only owner. */
import { BeamClawError } from '../../base/errors.ts'
import type { Cluster } from '../../ports/cluster.ts'
import type { AppendLog, FencingToken, Store, StoreKey } from '../../ports/store.ts'

/** A log, and the token that it was opened with. */
export interface OwnedLog {
  readonly log: AppendLog
  readonly token: FencingToken
}

/** Opens the log with a token that this node holds, for somebody who lives. Rejects as `Store.openLog` does. */
export async function openOwnedLog(
  { store, cluster }: { readonly store: Store; readonly cluster: Cluster },
  leaseKey: string,
  logKey: StoreKey,
  opener: { readonly isAlive: boolean } = { isAlive: true },
): Promise<OwnedLog> {
  const lease = await cluster.acquire(leaseKey)
  try {
    return { log: await store.openLog(logKey, lease.token), token: lease.token }
  } catch (error) {
    const epoch = BeamClawError.isInstance(error, 'fenced') ? error.details.epoch : undefined
    // Who died meanwhile does not take the log from the one that came after it.
    if (typeof epoch !== 'number' || !opener.isAlive) throw error
    // An epoch from a clock that ran ahead: the cluster decides whether this node may go above it.
    const again = await cluster.acquire(leaseKey, epoch)
    return { log: await store.openLog(logKey, again.token), token: again.token }
  }
}
