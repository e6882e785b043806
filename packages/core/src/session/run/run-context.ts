/** The context of a run for the agent that answers. After a hand-off, that is not the agent whose schema has checked the context. */
import type { AgentDefinition } from '../../agent/agent.ts'
import { BeamClawError } from '../../base/errors.ts'
import { type AgentId, sessionKeyParts } from '../../base/ids.ts'
import { jsonProblemOf } from '../../base/json-problem.ts'
import { type Fail, jsonOf } from '../../base/message-check.ts'
import type { JsonValue } from '../../base/messages.ts'
import { describeIssues } from '../../tool/standard-schema.ts'
import type { RunState } from '../state/run-state.ts'
import { HookFailure, withinTime } from './run-hooks.ts'
import type { RunLoopOptions } from './run-loop-options.ts'

type Options = Pick<RunLoopOptions, 'agents' | 'sessionKey' | 'clock'>
type Context = Pick<RunState, 'context' | 'contextBy'>

/** Resolves with the context as the agent's schema returns it. Rejects with an error of `fail` when the schema refuses it, and with errors of its code. */
export async function parsedContext(
  { context: schema }: AgentDefinition,
  context: JsonValue | undefined,
  fail: Fail,
): Promise<JsonValue | undefined> {
  if (schema === undefined) return context
  const checked = await schema['~standard'].validate(context)
  if (checked.issues !== undefined) throw fail(describeIssues(checked.issues))
  if (checked.value === undefined) return undefined
  // What is stored is what everything sees: a date that came back as text would not be what the schema's type says.
  const problem = jsonProblemOf(checked.value, 'context')
  if (problem !== undefined) throw fail(`the schema returns what the journal cannot hold: ${problem}. Convert it in the tool instead`)
  return jsonOf(checked.value, 'context', fail)
}

/**
 * Resolves with the context of a run for the system function and tools of its agent. Rejects with `HookFailure` (`invalid-message`) when the agent's
 * schema refuses the context, and with the signal's reason.
 */
export async function contextFor(
  agent: AgentDefinition,
  run: Context,
  options: Options,
  signal: AbortSignal,
): Promise<JsonValue | undefined> {
  if (hasChecked(agent, run, options)) return run.context
  const refused: Fail = (problem) =>
    new BeamClawError('invalid-message', `The context of this run is not what agent "${agent.id}" needs: ${problem}`)
  const { clock } = options
  const asked = { hook: 'context', name: `The context schema of agent "${agent.id}"` }
  return withinTime(asked, () => parsedContext(agent, run.context, refused), { clock, signal })
}

/** Resolves with the reason why an agent cannot take over a run; undefined when it can. Rejects with the signal's reason. */
export async function handOffProblem(to: AgentId, run: Context, options: Options, signal: AbortSignal): Promise<string | undefined> {
  const agent = options.agents.get(to)
  if (agent === undefined) return undefined
  try {
    await contextFor(agent, run, options, signal)
    return undefined
  } catch (error) {
    if (!(error instanceof HookFailure)) throw error
    return `The conversation was not handed over. ${error.message}`
  }
}

/** True when the agent's own schema has produced the context, or the agent has no schema. */
function hasChecked(agent: AgentDefinition, { contextBy }: Context, { agents, sessionKey }: Options): boolean {
  if (agent.context === undefined) return true
  const maker = contextBy ?? sessionKeyParts(sessionKey).agentId
  return maker === agent.id || agents.get(maker)?.context === agent.context
}
