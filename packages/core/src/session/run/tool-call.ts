/** One call of a tool: hooks, approval, intent, the call itself, outcome. */
import type { AgentDefinition } from '../../agent/agent.ts'
import { BeamClawError } from '../../base/errors.ts'
import { jsonOf, toolResultOf } from '../../base/message-check.ts'
import type { JsonValue, ToolCall, ToolResult } from '../../base/messages.ts'
import type { Tool } from '../../tool/tool.ts'
import { ToolEffects } from '../../tool/tool-effects.ts'
import { headOf, type ToolCallSite } from '../../tool/tool-runner.ts'
import { needsKeeping } from '../attachments/keep-content.ts'
import type { JournalEntry, ToolOutcome } from '../journal/records.ts'
import { approvalOf } from '../state/run-approvals.ts'
import { type RunState, unknownOutcome } from '../state/run-state.ts'
import { handOffProblem } from './run-context.ts'
import { callHook, readReturn } from './run-hooks.ts'
import type { RunLoopOptions } from './run-loop-options.ts'
import { askInCall, deniedCall, type Permission, permissionFor, recordQuestion } from './tool-approval.ts'

const wrongReturn = 'an invalid value'

/** Where a call belongs. */
export interface CallSite {
  readonly options: RunLoopOptions
  readonly agent: AgentDefinition
  readonly run: RunState
  /** The context as the agent's schema returns it. */
  readonly context: JsonValue | undefined
  readonly turn: number
  readonly signal: AbortSignal
}

/** Resolves with `asked` for a call that waits for approval: it is run in a later step, or when it is approved during this one. */
export async function runTool(site: CallSite, call: ToolCall): Promise<'asked' | undefined> {
  const { run, signal } = site
  const intent = run.begun.get(call.id)
  const tool = intent === undefined ? undefined : allowedTools(site.agent, run).get(call.name)
  if (intent !== undefined && tool?.reconcile !== undefined && !(await reconcile(site, { ...call, input: intent }, tool))) return undefined
  const approval = run.approvals.size === 0 ? undefined : approvalOf(run, call.id)
  if (approval !== undefined) {
    const { request, answer } = approval
    if (answer === undefined) return 'asked'
    // What was approved runs, whatever a hook would make of the call now.
    const approved = { ...call, input: request.input }
    if (answer.decision !== 'approved') await close(site, deniedCall(approved, approval))
    else await begin(site, approved, request.detail)
    return undefined
  }
  const planned = site.agent.hooks.beforeTool === undefined ? call : await beforeTool(site, call)
  if (signal.aborted) return undefined
  if ('deny' in planned) {
    await close(site, { ...headOf(call), content: `Denied: ${planned.deny}`, isError: true })
    return undefined
  }
  return ask(site, planned)
}

/** Begins a call that needs no approval, and records the request for one that does. */
async function ask(site: CallSite, call: ToolCall): Promise<'asked' | undefined> {
  const { agent, run, signal } = site
  const tool = allowedTools(agent, run).get(call.name)
  // Without a tool the runner tells the model which there are.
  const permission: Permission =
    tool === undefined
      ? { type: 'run', plan: undefined }
      : await permissionFor(site, call, tool, () => callSite(site, call, undefined, new ToolEffects(() => false)))
  if (signal.aborted) return undefined
  if (permission.type === 'refused') await close(site, permission.result)
  else if (permission.type === 'run') await begin(site, call, permission.plan)
  else {
    await recordQuestion(site, permission.question)
    return signal.aborted ? undefined : 'asked'
  }
  return undefined
}

/** Asks a tool what became of a call that had begun when its process ended. Resolves with whether the call may run again. */
async function reconcile(site: CallSite, call: ToolCall, tool: Tool): Promise<boolean> {
  const { options, run, signal } = site
  const effects = newEffects(site)
  const found = await options.toolRunner.reconcile(call, tool, callSite(site, call, undefined, effects))
  if (signal.aborted) return false
  if (found === undefined) return true
  if (found === 'unknown') options.journal.stage(closedCall(run, call, 'unknown'))
  else await close(site, await afterTool(site, call, found), effects)
  return false
}

/** Runs a call, once its intent is durable. */
async function begin(site: CallSite, call: ToolCall, plan: JsonValue | undefined): Promise<void> {
  const { options, run, turn, signal } = site
  const { id: toolCallId, name, input } = call
  await options.journal.commit({ type: 'tool-intent', runId: run.runId, turn, toolCallId, name, input })
  if (signal.aborted) return
  const effects = newEffects(site)
  const executed = await execute(site, call, plan, effects)
  const result = site.agent.hooks.afterTool === undefined ? executed : await afterTool(site, call, executed)
  // The call was interrupted: its effects up to that point are unknown.
  if (signal.aborted && result.isError) return
  await close(site, result, effects)
}

/** Stages the outcome of a call. */
async function close({ options, run, turn }: CallSite, result: ToolResult, effects?: ToolEffects): Promise<void> {
  const { runId } = run
  const kept = needsKeeping(result.content, 'tool') ? await options.attachments.keepResult(result, runId) : result
  const outcome = result.isError ? 'error' : 'ok'
  options.journal.stage({ type: 'tool-outcome', runId, turn, outcome, result: kept, ...effects?.fields(result.isError) })
}

function newEffects({ options }: CallSite): ToolEffects {
  return new ToolEffects((id) => options.agents.has(id))
}

/** Runs the tool. A hand-off succeeds only if the new agent accepts the run's context; otherwise the model gets an error. */
async function execute(site: CallSite, call: ToolCall, plan: JsonValue | undefined, effects: ToolEffects): Promise<ToolResult> {
  const { options, agent, run, signal } = site
  const result = await options.toolRunner.run(call, allowedTools(agent, run), callSite(site, call, plan, effects))
  if (effects.handedTo === undefined || result.isError || signal.aborted) return result
  const problem = await handOffProblem(effects.handedTo, run, options, signal)
  return problem === undefined ? result : { ...headOf(call), content: `Error: ${problem}`, isError: true }
}

function callSite(site: CallSite, call: ToolCall, plan: JsonValue | undefined, effects: ToolEffects): ToolCallSite {
  const { options, agent, run, context, turn, signal } = site
  const { sessionKey, tenant, tell } = options
  const { runId, depth } = run
  const index = run.response?.calls.findIndex(({ id }) => id === call.id) ?? 0
  return {
    tenant,
    sessionKey,
    runId,
    agentId: agent.id,
    toolNames: [...allowedTools(agent, run).keys()],
    context,
    contextSchema: agent.context,
    plan,
    ask: (given, number, taskSignal) => {
      const tool = allowedTools(agent, run).get(call.name)
      if (tool === undefined) return Promise.reject(new BeamClawError('tool-failed', 'The tool is no longer there'))
      return askInCall(site, call, tool, { given, index: number, signal: taskSignal })
    },
    progress: (data) => tell({ type: 'tool-progress', sessionKey, runId, turn, toolCallId: call.id, name: call.name, data }),
    effects,
    depth,
    idempotencyKey: `${runId}:${turn}:${index}`,
    signal,
  }
}

/** Returns the agent's tools that this run may use. */
function allowedTools({ tools }: AgentDefinition, { settings }: RunState): ReadonlyMap<string, Tool> {
  const { tools: allowed } = settings
  return allowed === undefined ? tools : new Map([...tools].filter(([name]) => allowed.includes(name)))
}

async function beforeTool(site: CallSite, call: ToolCall): Promise<ToolCall | { readonly deny: string }> {
  const decision: unknown = await callHook('beforeTool', hooksOf(site), { call })
  if (decision === undefined || decision === null) return call
  return readReturn('beforeTool', wrongReturn, (fail) => {
    const { deny, input } = decision as { readonly deny?: unknown; readonly input?: unknown }
    if (typeof deny === 'string' && input === undefined) return { deny: deny.toWellFormed() }
    // A veto that cannot be read must still block the call.
    if (input === undefined || deny !== undefined) throw fail('expected { input } or { deny }')
    return { ...call, input: jsonOf(input, 'input', fail) }
  })
}

async function afterTool(site: CallSite, call: ToolCall, result: ToolResult): Promise<ToolResult> {
  if (site.agent.hooks.afterTool === undefined || site.signal.aborted) return result
  const changed = await callHook('afterTool', hooksOf(site), { call, result })
  if (changed === undefined || changed === null) return result
  return readReturn('afterTool', wrongReturn, (fail) => {
    // A redaction that cannot be read must not let the result pass.
    if (typeof changed !== 'object' || (changed as Partial<ToolResult>).content === undefined) throw fail('expected { content }')
    return toolResultOf({ ...result, ...changed, ...headOf(call) }, 'result', fail)
  })
}

function hooksOf({ options: { sessionKey, clock }, agent, run, context, signal }: CallSite) {
  return { agent, sessionKey, run, context, clock, signal }
}

/** Returns the outcome of a call that will not run, or not run again, for the model to read. */
export function closedCall(
  { runId, turn }: RunState,
  call: ToolCall,
  outcome: Extract<ToolOutcome, 'unknown' | 'cancelled'>,
): JournalEntry {
  const cancelled: ToolResult = { ...headOf(call), content: 'Not run: the call was cancelled before it began.', isError: true }
  return { type: 'tool-outcome', runId, turn, outcome, result: outcome === 'unknown' ? unknownOutcome(call) : cancelled }
}
