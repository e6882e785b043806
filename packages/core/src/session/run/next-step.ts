/** Decides the next step of a session. The same function decides during a run and after a crash, so both take the same path. */
import type { RunId } from '../../base/ids.ts'
import type { ToolCall } from '../../base/messages.ts'
import type { RunFailure, RunOutcome } from '../journal/records.ts'
import { waitsForApproval } from '../state/run-approvals.ts'
import type { RunState } from '../state/run-state.ts'
import type { SessionState } from '../state/session-state.ts'

/** Limits of a run. */
export interface RunLimits {
  /** Maximum provider calls that succeed. */
  readonly maxTurns: number
  /** Maximum attempts of one turn. */
  readonly maxAttempts: number
  /** Maximum consecutive incarnations that end while a step of the run is active. */
  readonly maxCrashes: number
  /** Maximum consecutive turns with the same calls and the same results. */
  readonly maxSameTurns: number
}

export const runLimitDefaults = {
  maxTurns: 50,
  maxAttempts: 3,
  maxCrashes: 3,
  maxSameTurns: 3,
} as const satisfies RunLimits

/** Another attempt of a failed turn, and the wait that the service asked for. */
export interface Retry {
  readonly afterMs: number
}

/** The inputs of the decision besides the state. */
export interface RunView {
  readonly limits: RunLimits
  /** Returns whether the history is so long that it is to be compacted. */
  isHistoryLong(): boolean
  /** Returns whether a summary could replace messages. */
  canCompact(): boolean
  /** True when the agent that would answer is no longer configured. */
  readonly isAgentRemoved: boolean
  /** Returns whether a tool may go on with a call whose outcome is unknown: it may run again, or tells what became of it. */
  canGoOn(toolName: string): boolean
}

export type NextStep =
  /** No work until a message or the answer to a request for approval arrives. */
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
  /** Tool calls that will not run, or not run again. Their outcomes are recorded, so that the model sees them. */
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
    const message = `The run was given up: the session went down ${current.crashes} times in a row during a step of this run`
    return close(runId, open, current.begun) ?? failed(runId, 'poison-message', message)
  }
  // The agent may be configured again: the accepted message waits for that.
  if (view.isAgentRemoved) return { type: 'wait' }
  if (current.failure !== undefined) return afterFailure(current, view)
  const from = steering(state)
  // All messages that steer join before the turn is requested.
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
  // The history is too long for the model. Once per turn it is compacted and the model is called again.
  if (failure.failure.code === 'provider-context-overflow' && current.compactedAt <= turn && view.canCompact())
    return { type: 'compact', runId }
  if (failure.isRetryable && attempt < view.limits.maxAttempts) {
    return { type: 'ask-model', runId, turn, attempt: attempt + 1, retry: { afterMs: failure.retryAfterMs ?? 0 } }
  }
  return { type: 'end-run', runId, outcome: 'failed', failure: failure.failure }
}

function nextTools(state: SessionState, current: RunState, open: readonly ToolCall[], view: RunView): NextStep {
  const { runId, turn, begun } = current
  // A call that has started without an outcome was started by an earlier incarnation.
  const lost = open.filter(({ id, name }) => begun.has(id) && !view.canGoOn(name))
  if (lost.length > 0) return { type: 'close-tools', runId, outcome: 'unknown', calls: lost }
  if (steering(state) !== undefined) return { type: 'close-tools', runId, outcome: 'cancelled', calls: open }
  const ready = open.filter(({ id }) => !waitsForApproval(current, id))
  return ready.length === 0 ? { type: 'wait' } : { type: 'run-tools', runId, turn, calls: ready }
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
  // A message that arrives after the last turn is complete gets a run of its own.
  if (!hasCalls && (from === undefined || turn >= maxTurns)) return { type: 'end-run', runId, outcome: 'completed' }
  if (turn >= maxTurns) return failed(runId, 'max-turns', `The run was ended after ${turn} turns, its limit`)
  return from === undefined ? ask(current, turn + 1, 1, view) : { type: 'steer', runId, from }
}

function ask(current: RunState, turn: number, attempt: number, view: RunView): NextStep {
  const { runId, compactedAt } = current
  if (compactedAt < turn && view.isHistoryLong() && view.canCompact()) return { type: 'compact', runId }
  return { type: 'ask-model', runId, turn, attempt, retry: undefined }
}

/** Returns the step that closes the open calls before a run ends, or undefined when none is open. */
function close(runId: RunId, open: readonly ToolCall[], begun: ReadonlyMap<string, unknown>): NextStep | undefined {
  const lost = open.filter(({ id }) => begun.has(id))
  if (lost.length > 0) return { type: 'close-tools', runId, outcome: 'unknown', calls: lost }
  return open.length > 0 ? { type: 'close-tools', runId, outcome: 'cancelled', calls: open } : undefined
}

function openCalls({ response, results }: RunState): ToolCall[] {
  return (response?.calls ?? []).filter(({ id }) => !results.has(id))
}

/** Returns the message that waits to join the active run. */
export function steering({ waiting }: SessionState): RunId | undefined {
  return waiting.find(({ queueMode }) => queueMode === 'steer')?.runId
}

function failed(runId: RunId, code: string, message: string): NextStep {
  return { type: 'end-run', runId, outcome: 'failed', failure: { code, message } }
}
