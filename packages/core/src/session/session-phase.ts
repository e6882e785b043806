/** What of a session is in memory, as one value. */
import type { BeamClawError } from '../base/errors.ts'
import type { RunId } from '../base/ids.ts'
import type { AppendLog } from '../ports/store.ts'
import type { LoadedSession } from './loaded-session.ts'

/** Why the last state was let go of while this incarnation lives. */
export interface Aftermath {
  /** Only a failure of the run's own is held against the run. */
  readonly cause: 'own' | 'store'
  /** A run whose record the store takes from nobody: it is over, for the reason given. */
  readonly refused: { readonly runId: RunId; readonly error: BeamClawError } | undefined
}

/** Nothing is in memory. The log stays open over a sleep, and is closed after a failure. */
export interface Asleep {
  readonly is: 'asleep'
  readonly log: AppendLog | undefined
  readonly aftermath: Aftermath | undefined
}

/** The journal is being read, once for all that ask meanwhile. */
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

/** The session is being deleted, or what it has left is; commands wait for `done`, which never rejects. */
export interface Deleting {
  readonly is: 'deleting'
  readonly log: AppendLog | undefined
  readonly aftermath: undefined
  readonly done: Promise<void>
}

/** There is no session any more: only what begins one wakes it. */
export interface Deleted {
  readonly is: 'deleted'
  readonly log: undefined
  readonly aftermath: undefined
}

/** `asleep → waking → awake → asleep`: by passivation with the log open, by a failure without it. A failed waking is asleep again. `awake → deleting → deleted → waking`. */
export type SessionPhase = Asleep | Waking | Awake | Deleting | Deleted

export const asleep: Asleep = { is: 'asleep', log: undefined, aftermath: undefined }

export const deleted: Deleted = { is: 'deleted', log: undefined, aftermath: undefined }

/** Returns what is loaded, when something is. */
export function loadedOf(phase: SessionPhase): LoadedSession | undefined {
  return phase.is === 'awake' ? phase.loaded : undefined
}
