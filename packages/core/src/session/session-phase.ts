/** The phase of a session's memory, as one value. */
import type { BeamClawError } from '../base/errors.ts'
import type { RunId } from '../base/ids.ts'
import type { AppendLog } from '../ports/store.ts'
import type { LoadedSession } from './loaded-session.ts'

/** Why the last state was discarded while this incarnation lives. */
export interface Aftermath {
  /** Only a failure of the run itself counts against the run. */
  readonly cause: 'own' | 'store'
  /** A run with a record that the store always refuses. The run has failed with `error`. */
  readonly refused: { readonly runId: RunId; readonly error: BeamClawError } | undefined
}

/** No state is in memory. The log stays open during passivation, and is closed after a failure. */
export interface Asleep {
  readonly is: 'asleep'
  readonly log: AppendLog | undefined
  readonly aftermath: Aftermath | undefined
}

/** The journal is being read, once for all concurrent callers. */
export interface Waking {
  readonly is: 'waking'
  readonly log: AppendLog | undefined
  readonly aftermath: Aftermath | undefined
  readonly loading: Promise<LoadedSession>
}

/** State, journal and run loop are in memory. */
export interface Awake {
  readonly is: 'awake'
  readonly log: AppendLog
  readonly aftermath: undefined
  readonly loaded: LoadedSession
}

/** The session or its leftovers are being deleted; commands wait for `done`, which never rejects. */
export interface Deleting {
  readonly is: 'deleting'
  readonly log: AppendLog | undefined
  readonly aftermath: undefined
  readonly done: Promise<void>
}

/** The session no longer exists; only a command that begins a session wakes it. */
export interface Deleted {
  readonly is: 'deleted'
  readonly log: undefined
  readonly aftermath: undefined
}

/**
 * `asleep → waking → awake → asleep`: by passivation with the log open, by a failure with the log closed. A failed wake-up returns to `asleep`.
 * `awake → deleting → deleted → waking`.
 */
export type SessionPhase = Asleep | Waking | Awake | Deleting | Deleted

export const asleep: Asleep = { is: 'asleep', log: undefined, aftermath: undefined }

export const deleted: Deleted = { is: 'deleted', log: undefined, aftermath: undefined }

/** Returns the loaded session; undefined when none is loaded. */
export function loadedOf(phase: SessionPhase): LoadedSession | undefined {
  return phase.is === 'awake' ? phase.loaded : undefined
}
