/** The context of a session's commands. */
import { BeamClawError } from '../../base/errors.ts'
import type { SessionKey } from '../../base/ids.ts'
import type { LoadedSession } from '../loaded-session.ts'
import type { SessionDependencies } from '../session-dependencies.ts'
import { hasWork } from '../state/has-work.ts'
import type { SessionState } from '../state/session-state.ts'

export interface CommandContext extends Omit<LoadedSession, 'running'> {
  readonly key: SessionKey
  readonly dependencies: SessionDependencies
  /** False once the state was discarded, by a failure or a deletion: after an await, a command checks it before it changes anything. */
  readonly isLoaded: () => boolean
  /** Resumes the run loop if there is work. */
  readonly drive: () => void
}

/** The state was discarded while a command waited, before it changed anything: the command begins again. */
export class StateDiscarded extends Error {}

/**
 * Resolves once a session is listed whose run waits for a decision: what is about to be recorded may end that wait, and after a crash the run, and what waits behind it,
 * have to be found. `drive` puts the session at rest again if nothing came of it. Rejects `StateDiscarded`, and as the store does.
 */
export async function listedFirst({ key, dependencies: { activity }, isLoaded }: CommandContext): Promise<void> {
  // The session may have been put at rest again while that took its time; one that was killed by its next incarnation, whose list it is.
  do await activity.begin(key)
  while (isLoaded() && !activity.isBusy(key))
  if (!isLoaded()) throw new StateDiscarded()
}

/** Throws `session-busy` while a run is active or waiting. */
export function checkAtRest(key: SessionKey, state: SessionState, unusedSince = Number.POSITIVE_INFINITY): void {
  if (!hasWork(state) && state.at <= unusedSince) return
  throw new BeamClawError('session-busy', `Session "${key}" is busy with a run; try again when it has ended, or abort it`, {
    retryAfterMs: 1_000,
  })
}
