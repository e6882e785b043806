/** Reads the state of a session from its log. */

import { BeamClawError, describeError } from '../../base/errors.ts'
import type { AppendLog, LogContents } from '../../ports/store.ts'
import { applyRecord } from '../state/apply-record.ts'
import type { RunMemory } from '../state/known-run.ts'
import { type RecordExtensions, SessionState } from '../state/session-state.ts'
import type { SessionSnapshot } from './session-snapshot.ts'
import type { JournalPosition } from './snapshot-due.ts'

/** A state, and where its last snapshot is; at 0 when there is none. */
export interface ReadState {
  readonly state: SessionState
  readonly snapshotAt: JournalPosition
}

/** Reads a log and folds it into a state. Rejects with `log-corrupt`, which names the place if the log knows it, or `log-too-new`. */
export async function readState(log: AppendLog, memory?: RunMemory, extensions?: RecordExtensions): Promise<ReadState> {
  const content = await log.read()
  try {
    const { snapshot } = content
    const bytes = (snapshot?.state as Partial<SessionSnapshot> | undefined)?.size?.journal ?? 0
    return { state: stateOf(content, memory, extensions), snapshotAt: { seq: snapshot?.seq ?? 0, bytes } }
  } catch (error) {
    const seq = BeamClawError.isInstance(error, 'log-corrupt') ? error.details.seq : undefined
    const place = typeof seq === 'number' ? await log.locate?.(seq).catch(() => undefined) : undefined
    if (place === undefined || !(error instanceof Error)) throw error
    throw corrupt(`${place.file} at byte ${place.offset}: ${error.message}`, error, { seq, ...place })
  }
}

/** Folds a log's contents into a state. Throws only `log-corrupt`, with the `seq` of the record that cannot follow, and `log-too-new`. */
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
    if (BeamClawError.isInstance(error, 'log-too-new')) throw error
    // Any error of the fold has its cause in the journal, so reading again fails the same way.
    const problem = BeamClawError.isInstance(error, 'log-corrupt') ? '' : `Record ${seq} cannot be read: `
    throw corrupt(`${problem}${describeError(error)}`, error, { seq })
  }
}

function corrupt(message: string, cause: unknown, details: Readonly<Record<string, unknown>>): BeamClawError {
  return new BeamClawError('log-corrupt', message, { cause, details })
}
