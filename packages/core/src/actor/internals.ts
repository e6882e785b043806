/** Symbols by which the parts of one tree reach an actor's internals: a subclass does not see them among its names. */

import type { ExitReason } from '../base/exit-reason.ts'
import type { ActorCore } from './actor-core.ts'

/** Returned by `init` when there is nothing to run: the start succeeds and no actor is left. */
export const IGNORE: unique symbol = Symbol('beamclaw.ignore')

/** Where an actor keeps its core. */
export const coreOf: unique symbol = Symbol('beamclaw.core')

/** Default limits of a start and a stop in milliseconds; `Infinity` for supervisors, whose children have limits of their own. */
export const startLimitMs: unique symbol = Symbol('beamclaw.startLimitMs')
export const stopLimitMs: unique symbol = Symbol('beamclaw.stopLimitMs')

/** Called when a supervisor has ended for any reason, so that it ends its children too. */
export const onGone: unique symbol = Symbol('beamclaw.onGone')

export type StartOutcome = 'started' | typeof IGNORE

/** The owner of an actor, which is told how the actor ends. */
export interface Parent {
  childExited(child: ActorCore, reason: ExitReason): void
}

/** An entry of an actor in a registry; dropped before any monitor is told of the actor's end. */
export interface Registration {
  drop(): void
}
