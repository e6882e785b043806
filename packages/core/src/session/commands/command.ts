/** What a command of a session works with. */
import type { SessionKey } from '../../base/ids.ts'
import type { LoadedSession } from '../loaded-session.ts'
import type { SessionDependencies } from '../session-dependencies.ts'

export interface CommandContext extends Omit<LoadedSession, 'running'> {
  readonly key: SessionKey
  readonly dependencies: SessionDependencies
  /** Lets the run loop go on, when there is anything to do. */
  readonly drive: () => void
}

/** Waits for all, so that nothing is half done when one fails. Rejects with the first failure. */
export async function allSettled(promises: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(promises)) if (outcome.status === 'rejected') throw outcome.reason
}
