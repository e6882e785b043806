/** Opens a session's log as its only owner, and reads what it knows. */

import { BeamClawError, describeError } from '../../base/errors.ts'
import type { Cluster } from '../../ports/cluster.ts'
import type { AppendLog, FencingToken, LogContents, Store, StoreKey } from '../../ports/store.ts'
import { applyRecord } from '../state/apply-record.ts'
import type { RunMemory } from '../state/known-run.ts'
import { type RecordExtensions, SessionState } from '../state/session-state.ts'

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

/** Reads a log and folds it into a state. Rejects `log-corrupt`, naming the place where the log knows it. */
export async function readState(log: AppendLog, memory?: RunMemory, extensions?: RecordExtensions): Promise<SessionState> {
  const content = await log.read()
  try {
    return stateOf(content, memory, extensions)
  } catch (error) {
    const seq = BeamClawError.isInstance(error, 'log-corrupt') ? error.details.seq : undefined
    const place = typeof seq === 'number' ? await log.locate?.(seq).catch(() => undefined) : undefined
    if (place === undefined || !(error instanceof Error)) throw error
    throw corrupt(`${place.file} at byte ${place.offset}: ${error.message}`, error, { seq, ...place })
  }
}

/** Folds a log's content into a state. Throws `log-corrupt`, and nothing else, with the `seq` of the record that cannot follow. */
export function stateOf({ snapshot, records }: LogContents, memory?: RunMemory, extensions?: RecordExtensions): SessionState {
  let seq = snapshot?.seq
  try {
    const state =
      snapshot === undefined
        ? new SessionState(memory, extensions)
        : SessionState.fromSnapshot(snapshot.state, snapshot.seq, memory, extensions)
    for (const record of records) {
      seq = record.seq
      applyRecord(state, record)
    }
    return state
  } catch (error) {
    // Whatever the fold trips over is in the journal, and will be there the next time.
    const problem = BeamClawError.isInstance(error, 'log-corrupt') ? '' : `Record ${seq} cannot be read: `
    throw corrupt(`${problem}${describeError(error)}`, error, { seq })
  }
}

function corrupt(message: string, cause: unknown, details: Readonly<Record<string, unknown>>): BeamClawError {
  return new BeamClawError('log-corrupt', message, { cause, details })
}
