/** Opens a session's log as its only owner, and reads what it knows. */
import { BeamClawError } from '../errors.ts'
import type { Cluster } from '../ports/cluster.ts'
import type { Log, LogContent, Store, StoreKey } from '../ports/store.ts'
import { type SessionSnapshot, SessionState } from './session-state.ts'

/** Opens the log with a token that this node holds. Rejects as `Store.openLog` does. */
export async function openSessionLog(store: Store, cluster: Cluster, leaseKey: string, logKey: StoreKey): Promise<Log> {
  const lease = await cluster.acquire(leaseKey)
  try {
    return await store.openLog(logKey, lease.token)
  } catch (error) {
    const epoch = BeamClawError.isInstance(error, 'fenced') ? error.details.epoch : undefined
    if (typeof epoch !== 'number') throw error
    // An epoch from a clock that ran ahead: the cluster decides whether this node may go above it.
    const again = await cluster.acquire(leaseKey, epoch)
    return store.openLog(logKey, again.token)
  }
}

/** Folds a log's content into a state. Throws `log-corrupt`. */
export function stateOf({ snapshot, records }: LogContent): SessionState {
  const state =
    snapshot === undefined ? new SessionState() : SessionState.fromSnapshot(snapshot.state as unknown as SessionSnapshot, snapshot.seq)
  for (const record of records) state.apply(record)
  return state
}
