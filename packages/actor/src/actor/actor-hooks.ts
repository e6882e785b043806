/** The hooks that an actor's core calls, and the state that it reports. */

import type { ExitNotice, ExitReason } from '../base/exit-reason.ts'
import type { ActorContext } from './actor-ref.ts'
import type { onGone } from './internals.ts'

/** The hooks of `Actor`, as its core calls them. */
export interface ActorHooks {
  init?(context: ActorContext): unknown
  handle(message: unknown, context: ActorContext): unknown
  handleControl?(message: unknown, context: ActorContext): unknown
  handleExit?(notice: ExitNotice, context: ActorContext): unknown
  onStop?(reason: ExitReason, context: ActorContext): unknown
  onPassivate?(context: ActorContext): unknown
  onActivate?(context: ActorContext): unknown
  [onGone]?(): void
}

/** Phase of an actor's life; `ActorCore` states which may follow which. */
export type ActorState = 'new' | 'starting' | 'running' | 'passivating' | 'passive' | 'activating' | 'stopping' | 'dead'

/** A snapshot of an actor: its phase, and how much waits for it. */
export interface ActorInspection {
  readonly id: string
  readonly state: ActorState
  readonly generation: number
  /** A message is being handled and awaits something. */
  readonly isBusy: boolean
  readonly mailboxLength: number
  readonly mailboxBytes: number
  readonly controlLength: number
  /** Ids of the actors whose answer the message in hand waits for. */
  readonly waitsFor: readonly string[]
}
