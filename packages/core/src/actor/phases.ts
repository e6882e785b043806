/** The phases of an actor's life, and where each may lead. */
import type { ActorState } from './actor-hooks.ts'

/** Where each phase may lead, besides `dead`. */
const nextPhases: Readonly<Record<ActorState, readonly ActorState[]>> = {
  new: ['starting'],
  starting: ['running'],
  running: ['passivating', 'stopping'],
  passivating: ['passive', 'stopping'],
  passive: ['activating', 'stopping'],
  activating: ['running', 'stopping'],
  stopping: [],
  dead: [],
}

/** True when an actor may go from one phase to the other. Nothing leads out of `dead`. */
export function mayFollow(from: ActorState, to: ActorState): boolean {
  return to === 'dead' ? from !== 'dead' : nextPhases[from].includes(to)
}
