/** Everything that happens, as one union: noun first, verb second. */
import type { ExitReason } from './actor/exit-reason.ts'
import type { RunId, SessionKey } from './ids.ts'
import type { AssistantMessage, Usage } from './messages.ts'
import type { FinishReason } from './ports/provider.ts'

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

interface OfRun {
  readonly sessionKey: SessionKey
  readonly runId: RunId
}

/** A run has begun: its message is no longer waiting. */
export interface RunStartEvent extends OfRun {
  readonly type: 'run-start'
}

/** A piece of text, not durable yet. When `attempt` grows within a turn, what came before in that turn is void. */
export interface TextDeltaEvent extends OfRun {
  readonly type: 'text-delta'
  readonly turn: number
  readonly attempt: number
  readonly text: string
}

/** As `text-delta`, of what the model thinks before it answers. */
export interface ThinkingDeltaEvent extends OfRun {
  readonly type: 'thinking-delta'
  readonly turn: number
  readonly attempt: number
  readonly text: string
}

/** A whole message of the model, durable. */
export interface MessageEvent extends OfRun {
  readonly type: 'message'
  readonly turn: number
  readonly message: AssistantMessage
}

/** A run is over, and that is durable. */
export interface RunEndEvent extends OfRun {
  readonly type: 'run-end'
  readonly outcome: 'completed' | 'failed' | 'aborted'
  readonly usage: Usage
  readonly finish?: FinishReason
  /** Present when `outcome` is `failed`. */
  readonly failure?: { readonly code: string; readonly message: string }
}

/** What a session tells of its runs. */
export type RunEvent = RunStartEvent | TextDeltaEvent | ThinkingDeltaEvent | MessageEvent | RunEndEvent
