/** The messages of a supervisor: steps that run one after the other, so that none sees another half done. */

import type { ActorContext } from '../actor/actor-ref.ts'
import { refuse } from '../actor/refusal.ts'
import { BeamClawError } from '../base/errors.ts'
import { isThenable } from '../base/thenable.ts'

export type Step = (context: ActorContext<Step>) => unknown

/** Returns a step whose `BeamClawError`s reject its call instead of crashing the supervisor. */
export function refusing(step: Step): Step {
  const failed = (error: unknown): unknown => {
    if (BeamClawError.isInstance(error)) return refuse(error)
    throw error
  }
  return (context) => {
    try {
      const outcome = step(context)
      return isThenable(outcome) ? outcome.then(undefined, failed) : outcome
    } catch (error) {
      return failed(error)
    }
  }
}
