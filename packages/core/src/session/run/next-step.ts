/** What a session does next. The same function decides in the middle of a run and after a crash, so both go the same way. */
import type { RunId } from '../../base/ids.ts'
import type { ToolCall } from '../../base/messages.ts'
import type { RunFailure, RunOutcome } from '../journal/records.ts'
import type { RunState } from '../state/run-state.ts'
import type { SessionState } from '../state/session-state.ts'

/** Bounds of a run. */
export interface RunLimits {
  /** Provider calls that answered. */
  readonly maxTurns: number
  /** Tries of one turn. */
  readonly maxAttempts: number
  /** Incarnations in a row that may end while a step of the run is under way in them. */
  readonly maxCrashes: number
  /** Turns in a row with the same calls and the same results. */
  readonly maxSameTurns: number
  /** Estimated tokens of history before it is compacted. */
  readonly compactAboveTokens: number
}

export const runLimitDefaults = {
  maxTurns: 50,
  maxAttempts: 3,
  maxCrashes: 3,
  maxSameTurns: 3,
  compactAboveTokens: 120_000,
} as const satisfies RunLimits

/** Another try of a turn that failed, and how long the service wants to be left alone. */
export interface Retry {
  readonly afterMs: number
}

/** What the decision needs besides the state. */
export interface RunView {
  readonly limits: RunLimits
  /** Estimated tokens of the state's history. */
  readonly historyTokens: number
  /** Whether there are messages that a summary could take the place of. */
  canCompact(): boolean
  /** Whether the agent that would answer is configured no more. */
  readonly isAgentRemoved: boolean
  /** Whether a tool may run again when nobody knows how its first run went. */
  isIdempotent(toolName: string): boolean
}

export type NextStep =
  /** Nothing to do until a message comes. */
  | { readonly type: 'wait' }
  | { readonly type: 'start-run'; readonly runId: RunId; readonly merged: readonly RunId[] }
  | { readonly type: 'steer'; readonly runId: RunId; readonly from: RunId }
  | { readonly type: 'compact'; readonly runId: RunId }
  | {
      readonly type: 'ask-model'
      readonly runId: RunId
      readonly turn: number
      readonly attempt: number
      readonly retry: Retry | undefined
    }
  /** Tool calls that will not run (again): recorded as such, so that the model hears of them. */
  | { readonly type: 'close-tools'; readonly runId: RunId; readonly outcome: 'unknown' | 'cancelled'; readonly calls: readonly ToolCall[] }
  | { readonly type: 'run-tools'; readonly runId: RunId; readonly turn: number; readonly calls: readonly ToolCall[] }
  | { readonly type: 'end-run'; readonly runId: RunId; readonly outcome: RunOutcome; readonly failure?: RunFailure }

export function nextStep(state: SessionState, view: RunView): NextStep {
  const { current } = state
  if (current === undefined) return view.isAgentRemoved ? { type: 'wait' } : nextRun(state)
  const { runId } = current
  const open = openCalls(current)
  if (current.cancelled !== undefined) return close(runId, open, current.begun) ?? { type: 'end-run', runId, outcome: 'aborted' }
  if (current.crashes > view.limits.maxCrashes) {
    const message = `The run was given up: ${current.crashes} times in a row the session went down while a step of it was under way`
    return close(runId, open, current.begun) ?? failed(runId, 'poison-message', message)
  }
  // Its agent may be configured again: what was accepted waits for that.
  if (view.isAgentRemoved) return { type: 'wait' }
  if (current.failure !== undefined) return afterFailure(current, view)
  const from = steering(state)
  // Before the turn is asked for, all that want to join do.
  if (current.response === undefined && current.attempt === 0 && from !== undefined) return { type: 'steer', runId, from }
  if (current.response === undefined) return ask(current, Math.max(1, current.turn), current.attempt + 1, view)
  return open.length > 0 ? nextTools(state, current, open, view) : nextTurn(state, current, view)
}

function nextRun({ waiting }: SessionState): NextStep {
  const [first, ...rest] = waiting
  if (first === undefined) return { type: 'wait' }
  const merged: RunId[] = []
  if (first.queueMode === 'collect') {
    for (const { runId, queueMode } of rest) {
      if (queueMode !== 'collect') break
      merged.push(runId)
    }
  }
  return { type: 'start-run', runId: first.runId, merged }
}

function afterFailure(current: RunState, view: RunView): NextStep {
  const { runId, failure, turn, attempt } = current
  if (failure === undefined) return ask(current, turn, attempt + 1, view)
  // Too long for the model: once per turn the history is shortened and the question asked again.
  if (failure.failure.code === 'provider-context-overflow' && current.compactedAt <= turn && view.canCompact())
    return { type: 'compact', runId }
  if (failure.isRetryable && attempt < view.limits.maxAttempts) {
    return { type: 'ask-model', runId, turn, attempt: attempt + 1, retry: { afterMs: failure.retryAfterMs ?? 0 } }
  }
  return { type: 'end-run', runId, outcome: 'failed', failure: failure.failure }
}

function nextTools(state: SessionState, { runId, turn, begun }: RunState, open: readonly ToolCall[], view: RunView): NextStep {
  // Begun, and this incarnation did not begin it: otherwise its outcome would be known.
  const lost = open.filter(({ id, name }) => begun.has(id) && !view.isIdempotent(name))
  if (lost.length > 0) return { type: 'close-tools', runId, outcome: 'unknown', calls: lost }
  if (steering(state) !== undefined) return { type: 'close-tools', runId, outcome: 'cancelled', calls: open }
  return { type: 'run-tools', runId, turn, calls: open }
}

function nextTurn(state: SessionState, current: RunState, view: RunView): NextStep {
  const { runId, turn, response, sameTurns } = current
  const { maxSameTurns, maxTurns } = view.limits
  const hasCalls = (response?.calls.length ?? 0) > 0
  if (hasCalls && sameTurns >= maxSameTurns) {
    const names = [...new Set(response?.calls.map(({ name }) => name))].join(', ')
    return failed(runId, 'tool-loop', `The model called ${names} ${sameTurns} times in a row with the same input and the same result`)
  }
  const from = steering(state)
  // What comes when the last turn has answered whole waits for a run of its own.
  if (!hasCalls && (from === undefined || turn >= maxTurns)) return { type: 'end-run', runId, outcome: 'completed' }
  if (turn >= maxTurns) return failed(runId, 'max-turns', `The run was ended after ${turn} turns, which is all it may take`)
  return from === undefined ? ask(current, turn + 1, 1, view) : { type: 'steer', runId, from }
}

function ask(current: RunState, turn: number, attempt: number, view: RunView): NextStep {
  const { runId, compactedAt } = current
  if (view.historyTokens > view.limits.compactAboveTokens && compactedAt < turn && view.canCompact()) return { type: 'compact', runId }
  return { type: 'ask-model', runId, turn, attempt, retry: undefined }
}

/** Closes what is open before a run ends, or answers undefined when nothing is. */
function close(runId: RunId, open: readonly ToolCall[], begun: ReadonlySet<string>): NextStep | undefined {
  const lost = open.filter(({ id }) => begun.has(id))
  if (lost.length > 0) return { type: 'close-tools', runId, outcome: 'unknown', calls: lost }
  return open.length > 0 ? { type: 'close-tools', runId, outcome: 'cancelled', calls: open } : undefined
}

function openCalls({ response, results }: RunState): ToolCall[] {
  return (response?.calls ?? []).filter(({ id }) => !results.has(id))
}

/** The message that wants to join the run under way. */
export function steering({ waiting }: SessionState): RunId | undefined {
  return waiting.find(({ queueMode }) => queueMode === 'steer')?.runId
}

function failed(runId: RunId, code: string, message: string): NextStep {
  return { type: 'end-run', runId, outcome: 'failed', failure: { code, message } }
}
