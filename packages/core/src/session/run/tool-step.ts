/** The tool calls of one turn: run concurrently, each started once its intent is durable. */
import type { AgentDefinition } from '../../agent/agent.ts'
import { jsonOf, toolResultOf } from '../../base/message-check.ts'
import type { JsonValue, ToolCall, ToolResult } from '../../base/messages.ts'
import { runFailureOf } from '../../base/run-failure.ts'
import type { Tool } from '../../tool/tool.ts'
import { ToolEffects } from '../../tool/tool-effects.ts'
import { headOf } from '../../tool/tool-runner.ts'
import { needsKeeping } from '../attachments/keep-content.ts'
import type { JournalEntry, ToolOutcome } from '../journal/records.ts'
import { type RunState, unknownOutcome } from '../state/run-state.ts'
import { type NextStep, steering } from './next-step.ts'
import { contextFor, handOffProblem } from './run-context.ts'
import { callHook, HookFailure, readReturn } from './run-hooks.ts'
import type { RunLoopOptions } from './run-loop-options.ts'

/** Maximum tool calls of one turn that run concurrently. */
const maxParallelTools = 16

const wrongReturn = 'an invalid value'

type RunTools = Extract<NextStep, { type: 'run-tools' }>

interface CallSite {
  readonly options: RunLoopOptions
  readonly agent: AgentDefinition
  readonly run: RunState
  /** The context as the agent's schema returns it. */
  readonly context: JsonValue | undefined
  readonly turn: number
  readonly signal: AbortSignal
}

/** Takes the step. A hook failure ends the run, once the active calls have ended. Rejects with the error that prevented a journal write. */
export async function runTools(options: RunLoopOptions, { turn, calls }: RunTools, signal: AbortSignal): Promise<void> {
  const { journal, state } = options
  const run = state.current
  if (run === undefined) return
  const agent = options.agent()
  let context: JsonValue | undefined
  try {
    context = await contextFor(agent, run, options, signal)
  } catch (error) {
    if (signal.aborted || !(error instanceof HookFailure)) return
    return journal.stage(...failedBy(error, run))
  }
  const site: CallSite = { options, agent, run, context, turn, signal }
  const waiting = [...calls]
  let running = 0
  let failure: HookFailure | undefined
  const runNext = async (): Promise<void> => {
    for (let call = waiting.shift(); call !== undefined; call = waiting.shift()) {
      running++
      try {
        await runInTurn(site, call)
      } catch (error) {
        if (!(error instanceof HookFailure)) throw error
        failure ??= error
      }
      running--
      if (signal.aborted || failure !== undefined || steering(state) !== undefined) waiting.length = 0
      // The last outcome is written in the same batch as the next step.
      if (running > 0 || waiting.length > 0) await journal.flush()
    }
  }
  await Promise.all(Array.from({ length: Math.min(maxParallelTools, calls.length) }, runNext))
  if (failure !== undefined && !signal.aborted && state.current === run) journal.stage(...failedBy(failure, run))
}

/** Returns the entries that end a run after a hook failure: each open call gets an outcome. */
function failedBy({ error }: HookFailure, run: RunState): JournalEntry[] {
  const { runId, begun, results, response } = run
  const open = (response?.calls ?? []).filter(({ id }) => !results.has(id))
  const closed = open.map((call) => closedCall(run, call, begun.has(call.id) ? 'unknown' : 'cancelled'))
  return [...closed, { type: 'run-end', runId, outcome: 'failed', failure: runFailureOf(error) }]
}

/** Runs a call. A suspect run waits until no other suspect run has an active tool. */
async function runInTurn(site: CallSite, call: ToolCall): Promise<void> {
  const { options, run, signal } = site
  const { state, suspects, journal } = options
  if (run.crashes === 0) return runTool(site, call)
  const endTurn = await suspects.enter(signal, async () => {
    if (!signal.aborted && state.current === run)
      await journal.commit({ type: 'run-resume', runId: run.runId, isCleared: true }).catch(() => {})
  })
  try {
    if (signal.aborted) return
    await runTool(site, call)
    await journal.flush()
  } finally {
    endTurn()
  }
}

async function runTool(site: CallSite, call: ToolCall): Promise<void> {
  const { options, run, turn, signal } = site
  const { journal } = options
  const { runId } = run
  const planned = await beforeTool(site, call)
  if (signal.aborted) return
  if ('deny' in planned) {
    const result: ToolResult = { ...headOf(call), content: `Denied: ${planned.deny}`, isError: true }
    const kept = needsKeeping(result.content, 'tool') ? await options.attachments.keepResult(result, runId) : result
    return journal.stage({ type: 'tool-outcome', runId, turn, outcome: 'error', result: kept })
  }
  const { id: toolCallId, name, input } = planned
  await journal.commit({ type: 'tool-intent', runId, turn, toolCallId, name, input })
  if (signal.aborted) return
  const effects = new ToolEffects((id) => options.agents.has(id))
  const result = await afterTool(site, planned, await execute(site, planned, effects))
  // The call was interrupted: its effects up to that point are unknown.
  if (signal.aborted && result.isError) return
  const kept = needsKeeping(result.content, 'tool') ? await options.attachments.keepResult(result, runId) : result
  journal.stage({
    type: 'tool-outcome',
    runId,
    turn,
    outcome: result.isError ? 'error' : 'ok',
    result: kept,
    ...effects.fields(result.isError),
  })
}

/** Runs the tool. A hand-off succeeds only if the new agent accepts the run's context; otherwise the model gets an error. */
async function execute(site: CallSite, call: ToolCall, effects: ToolEffects): Promise<ToolResult> {
  const result = await runnerResult(site, call, effects)
  const { options, run, signal } = site
  if (effects.handedTo === undefined || result.isError || signal.aborted) return result
  const problem = await handOffProblem(effects.handedTo, run, options, signal)
  return problem === undefined ? result : { ...headOf(call), content: `Error: ${problem}`, isError: true }
}

function runnerResult({ options, agent, run, context, turn, signal }: CallSite, call: ToolCall, effects: ToolEffects): Promise<ToolResult> {
  const { toolRunner, sessionKey, tell } = options
  const { runId, depth } = run
  const index = run.response?.calls.findIndex(({ id }) => id === call.id) ?? 0
  const progress = (data: JsonValue): void =>
    tell({ type: 'tool-progress', sessionKey, runId, turn, toolCallId: call.id, name: call.name, data })
  return toolRunner.run(call, allowedTools(agent, run), {
    sessionKey,
    runId,
    agentId: agent.id,
    context,
    contextSchema: agent.context,
    progress,
    effects,
    depth,
    idempotencyKey: `${runId}:${turn}:${index}`,
    signal,
  })
}

/** Returns the agent's tools that this run may use. */
function allowedTools({ tools }: AgentDefinition, { settings }: RunState): ReadonlyMap<string, Tool> {
  const { tools: allowed } = settings
  return allowed === undefined ? tools : new Map([...tools].filter(([name]) => allowed.includes(name)))
}

async function beforeTool(site: CallSite, call: ToolCall): Promise<ToolCall | { readonly deny: string }> {
  if (site.agent.hooks.beforeTool === undefined) return call
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
