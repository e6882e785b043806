/** The replies of a session to its callers. */
import type { ActorInspection } from '@beamclaw/actor'
import type { AgentId, RunId, SessionKey } from '../base/ids.ts'
import type { Message, UserMessage } from '../base/messages.ts'
import type { TranscriptEntry } from './state/context.ts'
import type { EndedRun, KnownRun } from './state/known-run.ts'
import { pendingOf } from './state/run-approvals.ts'
import type { RunState } from './state/run-state.ts'
import type { SessionState } from './state/session-state.ts'
import type { RunFailureText } from './streams/public-error-text.ts'

/** The progress of a run. */
export type RunStatus = KnownRun['status']

/** The reply to a `send`, once the message is durable. The status is `accepted` the first time, and the progress of the run after that. */
export interface SendReceipt {
  readonly runId: RunId
  readonly status: 'accepted' | RunStatus
  /** The sequence number of the message's record; its events follow it. */
  readonly seq: number
  /** Present when the run has ended. */
  readonly ended: EndedRun | undefined
}

/** The reply to an `abort`. */
export interface AbortReceipt {
  /** Undefined when the caller named no run and none is active. */
  readonly runId: RunId | undefined
  /** False when there was no run to abort, or it had already ended. */
  readonly wasAborted: boolean
  readonly status: RunStatus | 'unknown'
}

/** A snapshot of a session's activity. */
export interface SessionInspection extends ActorInspection {
  readonly sessionKey: SessionKey
  readonly agentId: string
  /** Whether its history is in memory. */
  readonly isAwake: boolean
  readonly restarts: number
  /** Number of messages of the transcript. */
  readonly historyLength: number
  /** Estimated tokens of the context: what the model sees of the transcript. */
  readonly historyTokens: number
  readonly waiting: readonly RunId[]
  readonly current:
    | {
        readonly runId: RunId
        readonly turn: number
        readonly attempt: number
        readonly waitsFor: 'model' | 'tools' | 'retry' | 'approval'
      }
    | undefined
  /** Keys of the messages whose runs were given up after repeated crashes; `redrive` sends one again. */
  readonly deadLetters: readonly RunId[]
}

/** A message of the transcript. */
export interface HistoryEntry {
  /** Its number in the transcript, counted from 0. A rewind frees the numbers of the messages that it removes. */
  readonly index: number
  readonly message: Message
  /** When it was recorded, in milliseconds since 1970. */
  readonly createdAt: number
  /** The run of the message: the one that it started, or the one that produced it. */
  readonly runId: RunId
  /** The agent that receives the conversation with this message and answers from here on; absent for most. */
  readonly handOff?: AgentId
  /**
   * Why the user's message has no answer: its run failed, or was aborted (`run-aborted`). Absent for every other message, and once the session has
   * forgotten the run. The text is for the operator: it may name files and whatever a service put into its errors.
   */
  readonly failure?: RunFailureText
}

/** A run that has not ended. */
export interface ActiveRun {
  readonly runId: RunId
  readonly status: 'waiting' | 'running'
  /** The sequence number of its message's record, and when the message arrived, in milliseconds since 1970. */
  readonly seq: number
  readonly createdAt: number
  /** The waiting message; absent once its run has started, because the message is in the history then. */
  readonly message?: UserMessage
}

/** A page of the transcript: of all that was said and not taken back. A summary that the model sees in the place of old messages replaces none of them here. */
export interface SessionHistory {
  /** Oldest first. */
  readonly messages: readonly HistoryEntry[]
  /** Number of messages of the whole transcript. The page before this one ends before `messages[0].index`. */
  readonly total: number
  /** The active run, then the waiting ones. */
  readonly runs: readonly ActiveRun[]
  /** The sequence number of the last record in this history; the next event has the following number. */
  readonly seq: number
}

/** Returns a function that makes a history of the messages from number `first` on; the runs are those of now. */
export function historyOf(
  { current, waiting, runs }: Pick<SessionState, 'current' | 'waiting' | 'runs'>,
  { first, total, seq }: { readonly first: number; readonly total: number; readonly seq: number },
): (entries: readonly TranscriptEntry[]) => SessionHistory {
  const openRun = (runId: RunId, status: ActiveRun['status']): ActiveRun => {
    const known = runs.get(runId)
    return { runId, status, seq: known?.seq ?? 0, createdAt: known?.at ?? 0 }
  }
  const running = (current?.members ?? []).map((runId) => openRun(runId, 'running'))
  const rest = waiting.map(({ runId, message }) => ({ ...openRun(runId, 'waiting'), message }))
  return (entries) => ({
    messages: entries.map((entry, place) => historyEntry(first + place, entry, runs)),
    total,
    runs: [...running, ...rest],
    seq,
  })
}

/** A user's message tells whether its run failed or was aborted. An earlier or imported message with the id of the run has not begun it. */
function historyEntry(index: number, { message, origin }: TranscriptEntry, runs: SessionState['runs']): HistoryEntry {
  const { at: createdAt, seq, ...rest } = origin
  const entry: HistoryEntry = { index, message, createdAt, ...rest }
  const known = message.role === 'user' ? runs.get(origin.runId) : undefined
  if (known?.ended === undefined || known.ended.outcome === 'completed' || seq < known.seq) return entry
  const { code, message: text } = known.ended.failure ?? aborted
  return { ...entry, failure: { code, message: text } }
}

const aborted: RunFailureText = { code: 'run-aborted', message: 'The run was aborted' }

export function sendReceipt(runId: RunId, { status, seq, ended }: KnownRun): SendReceipt {
  return { runId, status, seq, ended }
}

export function abortReceipt(runId: RunId | undefined, known: KnownRun | undefined): AbortReceipt {
  return { runId, wasAborted: false, status: known?.status ?? 'unknown' }
}

export function inspectionOf(
  actor: ActorInspection,
  sessionKey: SessionKey,
  agentId: AgentId,
  state: SessionState | undefined,
): SessionInspection {
  const current = state?.current
  return {
    ...actor,
    sessionKey,
    agentId,
    isAwake: state !== undefined,
    restarts: actor.generation - 1,
    historyLength: state?.total ?? 0,
    historyTokens: state?.shown.tokens ?? 0,
    waiting: state?.waiting.map(({ runId }) => runId) ?? [],
    current: current && { runId: current.runId, turn: current.turn, attempt: current.attempt, waitsFor: waitReason(current) },
    deadLetters: state?.deadLetters.map(({ runId }) => runId) ?? [],
  }
}

function waitReason(current: RunState): 'model' | 'tools' | 'retry' | 'approval' {
  if (current.failure !== undefined) return 'retry'
  if (current.response === undefined) return 'model'
  return pendingOf(current).length > 0 ? 'approval' : 'tools'
}
