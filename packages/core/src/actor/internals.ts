/** How the parts of one tree reach into an actor without showing up among the names that a subclass sees. */

import type { ExitReason } from '../base/exit-reason.ts'
import type { ActorCore } from './actor-core.ts'

/** Answered by `init` when there is nothing to run: the start counts as done and no process is left. */
export const IGNORE: unique symbol = Symbol('beamclaw.ignore')

/** Where an actor keeps its core. */
export const coreOf: unique symbol = Symbol('beamclaw.core')

/** How long a start or a stop may take where nobody says; endless for supervisors, whose children have limits of their own. */
export const startLimitMs: unique symbol = Symbol('beamclaw.startLimitMs')
export const stopLimitMs: unique symbol = Symbol('beamclaw.stopLimitMs')

/** For supervisors: called when the actor is gone, whatever the reason, for its children must go too. */
export const onGone: unique symbol = Symbol('beamclaw.onGone')

export type StartOutcome = 'started' | typeof IGNORE

/** Whoever started an actor and wants to know how it ends. */
export interface Parent {
  childExited(child: ActorCore, reason: ExitReason): void
}

/** An entry of an actor somewhere, which goes before anybody hears of the actor's end. */
export interface Registration {
  drop(): void
}
