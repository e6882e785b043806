/** Symbols by which the parts of one tree reach an actor's internals: a subclass does not see them among its names. */

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

/** An entry of an actor in a registry; dropped before any monitor is told of the actor's end. */
export interface Registration {
  drop(): void
}
