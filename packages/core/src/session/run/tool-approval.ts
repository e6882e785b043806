/** Whether a call of a tool runs, asks or is refused: decided anew for every call, by what its tool, its agent and its tenant say. */
import { definedOnly, duration, guardedRead, readOptions } from '@beamclaw/actor/internal'
import type { AgentDefinition } from '../../agent/agent.ts'
import { approvalId } from '../../approval/approval-id.ts'
import { askModeOf } from '../../approval/ask-mode.ts'
import { shownText } from '../../approval/shown-text.ts'
import type { ApprovalAnswer, ApprovalQuestion } from '../../base/approval.ts'
import { BeamClawError } from '../../base/errors.ts'
import type { JsonValue, ToolCall, ToolResult } from '../../base/messages.ts'
import { type PlannedCall, permitsOf } from '../../tool/planned-call.ts'
import type { Tool } from '../../tool/tool.ts'
import type { AskMode, ToolQuestion } from '../../tool/tool-plan.ts'
import { failedCall, headOf, type ToolCallSite } from '../../tool/tool-runner.ts'
import type { RunApproval, RunState } from '../state/run-state.ts'
import type { RunLoopOptions } from './run-loop-options.ts'

/** A call that is about to begin. */
export interface AskedSite {
  readonly options: RunLoopOptions
  readonly agent: AgentDefinition
  readonly run: RunState
  readonly turn: number
}

/** `run`: at once, with what was planned. `asked`: once a person approves. `refused`: never, and the model reads why. */
export type Permission =
  | { readonly type: 'run'; readonly plan: JsonValue | undefined }
  | { readonly type: 'ask'; readonly question: ApprovalQuestion }
  | { readonly type: 'refused'; readonly result: ToolResult }

/** Decides about a call without a request for approval. `calls` returns where its tool plans it. */
export function permissionFor(site: AskedSite, call: ToolCall, tool: Tool, calls: () => ToolCallSite): Permission | Promise<Permission> {
  const mode = modeOf(site, call, tool)
  return mode === 'off' && tool.plan === undefined ? { type: 'run', plan: undefined } : permissionOf(site, call, tool, mode, calls())
}

async function permissionOf(site: AskedSite, call: ToolCall, tool: Tool, mode: AskMode, calls: ToolCallSite): Promise<Permission> {
  const { options, agent } = site
  let planned: PlannedCall
  try {
    planned = await options.toolRunner.plan(call, tool, calls)
  } catch (error) {
    return { type: 'refused', result: failedCall(call, error) }
  }
  const origin = { sessionKey: options.sessionKey, agentId: agent.id }
  if (mode === 'off' || (mode === 'onMiss' && options.approvals.covers(planned.permits, origin)))
    return { type: 'run', plan: planned.detail }
  return { type: 'ask', question: questionFor(site, call, tool, planned) }
}

function modeOf({ options, agent }: AskedSite, { name, input }: ToolCall, { risk, askMode }: Tool): AskMode {
  if (askMode === undefined && agent.askMode === undefined && options.askMode === undefined) return risk === 'high' ? 'onMiss' : 'off'
  const { tenant, sessionKey } = options
  return askModeOf({ tenant, sessionKey, agentId: agent.id, toolName: name, input, risk }, [askMode, agent.askMode, options.askMode])
}

interface Asking {
  readonly display: string
  readonly detail: JsonValue | undefined
  readonly permits: PlannedCall['permits']
  readonly timeoutMs?: number
  /** The number of a question that the running tool asks. */
  readonly index?: number
}

function questionFor({ options, agent, turn }: AskedSite, call: ToolCall, tool: Tool, asking: Asking): ApprovalQuestion {
  const { clock, ids } = options
  const requestedAt = clock.now()
  const expiresAt = requestedAt + (asking.timeoutMs ?? tool.approvalTimeoutMs)
  return {
    id: approvalId(expiresAt, ids.next('approval')),
    agentId: agent.id,
    turn,
    toolCallId: call.id,
    toolName: call.name,
    display: asking.display,
    input: call.input ?? {},
    ...definedOnly({ detail: asking.detail, permits: asking.permits, question: asking.index }),
    requestedAt,
    expiresAt,
    onExpiry: tool.onApprovalExpiry,
  }
}

/** Returns the result of a call that was not approved, for the model. */
export function deniedCall(call: ToolCall, { request, answer }: RunApproval): ToolResult {
  const reason = answer?.reason === undefined ? '' : ` Reason: ${answer.reason}`
  const waited = Math.round((request.expiresAt - request.requestedAt) / 1_000)
  const content =
    answer?.decision === 'expired'
      ? `Not run: the call was not approved within ${waited} seconds.`
      : `Denied: the call was not approved, and has not run. Do not try to do the same in another way.${reason}`
  return { ...headOf(call), content, isError: true }
}

/** Asks in the middle of a call, see `ToolContext.ask`. A question that an earlier try asked has its decision already, or waits for it. */
export async function askInCall(
  site: AskedSite,
  call: ToolCall,
  tool: Tool,
  { given, index, signal }: { readonly given: ToolQuestion; readonly index: number; readonly signal: AbortSignal },
): Promise<ApprovalAnswer> {
  const { options, run, agent } = site
  const { display, permits, askMode = 'always', timeoutMs } = checkedQuestion(given)
  signal.throwIfAborted()
  if (askMode === 'off') return { decision: 'approved' }
  if (askMode === 'onMiss' && options.approvals.covers(permits, { sessionKey: options.sessionKey, agentId: agent.id }))
    return { decision: 'approved' }
  const isSame = ({ toolCallId, question, display: shown }: ApprovalQuestion): boolean =>
    toolCallId === call.id && question === index && shown === display
  const known = [...run.approvals.values()].find(({ request }) => isSame(request))
  if (known?.answer !== undefined) return known.answer
  const asking = { display, detail: undefined, permits, index, ...definedOnly({ timeoutMs }) }
  const id = known?.request.id ?? (await asked(site, questionFor(site, call, tool, asking), signal))
  // It may have been decided in the moment in which it became durable.
  return run.approvals.get(id)?.answer ?? options.decisions.wait(id, signal)
}

async function asked(site: AskedSite, request: ApprovalQuestion, signal: AbortSignal): Promise<string> {
  // The run may have ended while the tool took its time.
  await recordQuestion(site, request)
  if (site.options.state.current !== site.run) throw signal.reason ?? new BeamClawError('call-aborted', 'The run of this call is over')
  return request.id
}

/** Records a request: first where it is found without the session. */
export async function recordQuestion({ options, run }: Pick<AskedSite, 'options' | 'run'>, request: ApprovalQuestion): Promise<void> {
  const { journal, state, approvals, sessionKey } = options
  await approvals.prepare({ ...request, sessionKey, runId: run.runId })
  // The run may have been ended meanwhile.
  if (state.current !== run || run.cancelled !== undefined) return approvals.withdraw(request.id)
  await journal.commit({ type: 'approval-request', runId: run.runId, request })
}

const aTimeout = duration(1_000)

/** Throws `invalid-option`. */
function checkedQuestion(given: ToolQuestion): ToolQuestion {
  const fail = (problem: string): BeamClawError => new BeamClawError('invalid-option', `ask: ${problem}`)
  return guardedRead('ask', 'question', () => {
    const { display, permits, askMode, timeoutMs } = readOptions('ask', given)
    if (typeof display !== 'string' || display === '' || display.length > 64_000)
      throw fail('display must be text of 1 to 64000 characters')
    if (askMode !== undefined && !['off', 'onMiss', 'always'].includes(askMode)) throw fail("askMode must be 'off', 'onMiss' or 'always'")
    const wrong = timeoutMs === undefined ? undefined : aTimeout(timeoutMs)
    if (wrong !== undefined) throw fail(`timeoutMs must be ${wrong}`)
    return { display: shownText(display), ...definedOnly({ permits: permitsOf(permits, fail), askMode, timeoutMs }) }
  })
}
