/** The events of actors and supervisors, each named noun first, verb second. */
import type { ExitReason } from './exit-reason.ts'

/** An actor has started: its `init` has finished. */
export interface ActorStartEvent {
  readonly type: 'actor-start'
  readonly id: string
  /** 1 for the first incarnation under its supervisor, one more for each restart. */
  readonly generation: number
}

/** An actor has ended. */
export interface ActorExitEvent {
  readonly type: 'actor-exit'
  readonly id: string
  readonly generation: number
  readonly reason: ExitReason
}

/** A supervisor is about to start a child again. */
export interface ActorRestartEvent {
  readonly type: 'actor-restart'
  readonly id: string
  readonly supervisorId: string
  /** The generation that is about to start. */
  readonly generation: number
  /** Why the last one ended. */
  readonly reason: ExitReason
}

/** A supervisor reached its restart limit and stops: more than `maxRestarts` restarts within `withinMs` milliseconds. */
export interface RestartLimitEvent {
  readonly type: 'restart-limit'
  readonly supervisorId: string
  readonly childId: string
  readonly maxRestarts: number
  readonly withinMs: number
}

/** An event of an actor or a supervisor, as `Telemetry` emits it; `type` tells which. */
export type ActorEvent = ActorStartEvent | ActorExitEvent | ActorRestartEvent | RestartLimitEvent
