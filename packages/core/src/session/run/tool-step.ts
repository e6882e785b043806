/** The tool calls of one turn: run concurrently, each started once it is approved and its intent is durable. */
import type { JsonValue, ToolCall } from '../../base/messages.ts'
import { runFailureOf } from '../../base/run-failure.ts'
import type { JournalEntry } from '../journal/records.ts'
import { approvalOf } from '../state/run-approvals.ts'
import type { RunState } from '../state/run-state.ts'
import { type NextStep, steering } from './next-step.ts'
import { contextFor } from './run-context.ts'
import { HookFailure } from './run-hooks.ts'
import type { RunLoopOptions } from './run-loop-options.ts'
import { type CallSite, closedCall, runTool } from './tool-call.ts'

/** Maximum tool calls of one turn that run concurrently. */
const maxParallelTools = 16

type RunTools = Extract<NextStep, { type: 'run-tools' }>

/** Takes the step. A hook failure ends the run, once the active calls have ended. Rejects with the error that prevented a journal write. */
export async function runTools(options: RunLoopOptions, { turn, calls }: RunTools, signal: AbortSignal): Promise<void> {
  const { journal, state } = options
  const run = state.current
  if (run === undefined) return
  const agent = options.agent()
  let context: JsonValue | undefined
  try {
    context = agent.context === undefined ? run.context : await contextFor(agent, run, options, signal)
  } catch (error) {
    if (signal.aborted || !(error instanceof HookFailure)) return
    return journal.stage(...failedBy(error, run))
  }
  const site: CallSite = { options, agent, run, context, turn, signal }
  const waiting = [...calls]
  const taken = new Set(calls.map(({ id }) => id))
  // Calls of this step that wait for approval.
  const asked = new Set<string>()
  let running = 0
  let failure: HookFailure | undefined
  const runNext = async (): Promise<void> => {
    for (let call = waiting.shift(); call !== undefined; call = waiting.shift()) {
      running++
      try {
        if ((await runInTurn(site, call)) === 'asked') asked.add(call.id)
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
  const done = Promise.withResolvers<void>()
  let workers = 0
  // A call that is approved from then on belongs to the next step.
  let isDone = false
  const end = (): void => {
    if (--workers > 0) return
    isDone = true
    done.resolve()
  }
  const work = (): void => {
    workers++
    runNext().then(end, done.reject)
  }
  // A call that is approved while others run need not wait for them.
  const unlisten = options.decisions.listen(() => {
    if (isDone || signal.aborted || failure !== undefined || state.current !== run || steering(state) !== undefined) return
    for (const call of decidedCalls(run)) {
      if (taken.has(call.id) && !asked.delete(call.id)) continue
      taken.add(call.id)
      waiting.push(call)
      if (workers < maxParallelTools) work()
    }
  })
  try {
    for (let count = Math.min(maxParallelTools, calls.length); count > 0; count--) work()
    await done.promise
  } finally {
    unlisten()
  }
  if (failure !== undefined && !signal.aborted && state.current === run) journal.stage(...failedBy(failure, run))
}

/** Returns the open calls that were asked about and decided. */
function decidedCalls(run: RunState): readonly ToolCall[] {
  const calls = run.response?.calls ?? []
  return calls.filter(({ id }) => !run.results.has(id) && !run.begun.has(id) && approvalOf(run, id)?.answer !== undefined)
}

/** Returns the entries that end a run after a hook failure: each open call gets an outcome. */
function failedBy({ error }: HookFailure, run: RunState): JournalEntry[] {
  const { runId, begun, results, response } = run
  const open = (response?.calls ?? []).filter(({ id }) => !results.has(id))
  const closed = open.map((call) => closedCall(run, call, begun.has(call.id) ? 'unknown' : 'cancelled'))
  return [...closed, { type: 'run-end', runId, outcome: 'failed', failure: runFailureOf(error) }]
}

/** Runs a call. A suspect run waits until no other suspect run has an active tool. */
async function runInTurn(site: CallSite, call: ToolCall): Promise<'asked' | undefined> {
  const { options, run, signal } = site
  const { state, suspects, journal } = options
  if (run.crashes === 0) return runTool(site, call)
  const endTurn = await suspects.enter(signal, async () => {
    if (!signal.aborted && state.current === run)
      await journal.commit({ type: 'run-resume', runId: run.runId, isCleared: true }).catch(() => {})
  })
  try {
    if (signal.aborted) return undefined
    const done = await runTool(site, call)
    await journal.flush()
    return done
  } finally {
    endTurn()
  }
}
