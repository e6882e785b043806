/** Symbols by which supervisors recognise each other, and the outcome of starting a child. */
import type { Actor } from '../actor/actor.ts'
import type { IGNORE } from '../actor/internals.ts'

/** An actor of any kind, as a child. */
export type AnyActor = Actor<never, unknown>

/** Outcome of a start: the actor, which may have ended since, or `IGNORE` when there was nothing to run. */
export type Started = AnyActor | typeof IGNORE

/** A method of supervisors that returns the nodes of their children. */
export const treeChildren: unique symbol = Symbol('beamclaw.treeChildren')

/** Marks supervisors whose children have a grace of their own, so that they need no limit themselves. */
export const ownGrace: unique symbol = Symbol('beamclaw.ownGrace')
