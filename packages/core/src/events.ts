/** Everything that happens, as one union: noun first, verb second. */
import type { ExitReason } from './actor/exit-reason.ts'

/** An actor is up: its `init` has finished. */
export interface ActorStartEvent {
  readonly type: 'actor-start'
  readonly id: string
  /** 1 for the first incarnation under its supervisor, one more for each restart. */
  readonly generation: number
}

/** An actor is gone. */
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

/** A supervisor gave up: its children crashed more than `maxRestarts` times within `withinMs`. */
export interface RestartLimitEvent {
  readonly type: 'restart-limit'
  readonly supervisorId: string
  readonly childId: string
  readonly maxRestarts: number
  readonly withinMs: number
}

export type BeamEvent = ActorStartEvent | ActorExitEvent | ActorRestartEvent | RestartLimitEvent
