/** The order of an actor's phases. */
import type { ActorState } from './actor-hooks.ts'

/** Returns true when an actor may go from one phase to the other. Nothing follows `dead`. */
export function mayFollow(from: ActorState, to: ActorState): boolean {
  switch (from) {
    case 'new':
      return to === 'starting' || to === 'dead'
    case 'starting':
      return to === 'running' || to === 'dead'
    case 'running':
      return to === 'passivating' || to === 'stopping' || to === 'dead'
    case 'passivating':
      return to === 'passive' || to === 'stopping' || to === 'dead'
    case 'passive':
      return to === 'activating' || to === 'stopping' || to === 'dead'
    case 'activating':
      return to === 'running' || to === 'stopping' || to === 'dead'
    case 'stopping':
      return to === 'dead'
    case 'dead':
      return false
  }
}
