/** What a session answers to those who ask it something. */
import type { ActorInspection } from '../actor/actor-hooks.ts'
import type { RunId, SessionKey } from '../ids.ts'
import type { EndedRun, KnownRun } from './session-state.ts'

/** How far a run has come. */
export type RunStatus = KnownRun['status']

/** Answers a `send`, once the message is durable: `accepted` the first time, then how far its run has come. */
export interface SendReceipt {
  readonly runId: RunId
  readonly status: 'accepted' | RunStatus
  /** The sequence number of the message's record; its events follow from here. */
  readonly seq: number
  /** Present when the run is over. */
  readonly ended: EndedRun | undefined
}

/** Answers an `abort`. */
export interface AbortReceipt {
  /** Undefined when nothing was named and nothing runs. */
  readonly runId: RunId | undefined
  /** False when there was nothing (left) to abort. */
  readonly wasAborted: boolean
  readonly status: RunStatus | 'unknown'
}

/** A look into a session. */
export interface SessionInspection extends ActorInspection {
  readonly sessionKey: SessionKey
  readonly agentId: string
  /** Whether its history is in memory. */
  readonly isAwake: boolean
  readonly restarts: number
  readonly historyLength: number
  readonly historyTokens: number
  readonly waiting: readonly RunId[]
  readonly current:
    | { readonly runId: RunId; readonly turn: number; readonly attempt: number; readonly waitsFor: 'model' | 'tools' | 'retry' }
    | undefined
  /** Runs that were given up because they took the session down each time. */
  readonly deadLetters: readonly RunId[]
}

export function sendReceipt(runId: RunId, { status, seq, ended }: KnownRun): SendReceipt {
  return { runId, status, seq, ended }
}

export function abortReceipt(runId: RunId | undefined, known: KnownRun | undefined): AbortReceipt {
  return { runId, wasAborted: false, status: known?.status ?? 'unknown' }
}
