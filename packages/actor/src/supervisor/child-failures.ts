/** The errors of starting and finding children. */
import type { ActorHost } from '../actor/actor-host.ts'
import { exitError, notRunning } from '../actor/failures.ts'
import { BeamClawError } from '../base/errors.ts'
import { describeValue } from '../base/options.ts'

type ChildErrorCode = 'child-already-started' | 'child-already-present' | 'child-not-found' | 'child-running' | 'child-restarting'

/** Returns the error for a start under a supervisor that has ended or was told to stop. */
export function goneError(supervisor: ActorHost): BeamClawError {
  return supervisor.exitReason === undefined ? notRunning(supervisor.id) : exitError(supervisor.id, supervisor.exitReason)
}

export function startTimeout(id: string, timeoutMs: number): BeamClawError {
  return new BeamClawError('child-start-timeout', `Child "${id}" did not finish starting within ${timeoutMs} ms`, {
    details: { id, timeoutMs },
  })
}

/** Takes the place of a temporary child's `start` once it is up. Throws `internal`. */
export function temporaryStartedAgain(): never {
  throw new BeamClawError('internal', 'A temporary child is not started again')
}

/** Returns the error for a child in the wrong state; `id` may be any value that a caller passed. */
export function childError(code: ChildErrorCode, id: unknown, problem: string): BeamClawError {
  const name = typeof id === 'string' ? `"${id.slice(0, 64)}"` : describeValue(id)
  return new BeamClawError(code, `Child ${name} ${problem}`, { details: { id: typeof id === 'string' ? id : describeValue(id) } })
}
