/** Agents as tools: one that is asked, and one that the conversation is handed to. */
import {
  aFunction,
  checkOptions,
  definedOnly,
  duration,
  either,
  guardedRead,
  invalidOption,
  isThenable,
  readOptions,
  text,
  whenSettled,
} from '@beamclaw/actor/internal'
import type { AgentDefinition } from '../agent/agent.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import { type AgentId, parseAgentId, sessionKey } from '../base/ids.ts'
import { modelUsageOf } from '../base/message-check.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import type { StandardSchema } from './standard-schema.ts'
import { defineTool, type Tool, type ToolContext, type ToolOutput } from './tool.ts'
import { toolResult } from './tool-reply.ts'
import type { ToolRun } from './tool-session.ts'

/** Options of `agentTool`. */
export interface AgentToolOptions {
  /** @default `ask_<agent id>` */
  readonly name?: string
  /** Tells the model what the agent is for. @default names the agent */
  readonly description?: string
  /** The session in which the agent is asked, where it is to remember what it was asked before. @default a new one for each call */
  readonly sessionId?: string | ((call: ToolContext) => string)
  /** Milliseconds that the agent may take. @default 3600000 */
  readonly timeoutMs?: number
}

interface Task {
  readonly task: string
}

/** Defaults for an agent as a tool: an hour. */
const agentToolDefaults = { timeoutMs: 3_600_000 } as const satisfies AgentToolOptions

const taskSchema: JsonObject = {
  type: 'object',
  properties: { task: { type: 'string', description: 'What the agent is to do. It sees nothing else of this conversation.' } },
  required: ['task'],
  additionalProperties: false,
}

const taskInput: StandardSchema<Task> = {
  '~standard': {
    version: 1,
    vendor: 'beamclaw',
    validate: (value) => {
      const task: unknown = (value as { readonly task?: unknown } | null)?.task
      return typeof task === 'string' && task.trim() !== '' ? { value: { task } } : { issues: [{ message: 'task must be text' }] }
    },
  },
}

/**
 * Returns a tool that has another agent do something, in a session of its own, and returns its answer. The call has one run for all its tries, also after
 * a crash; the run's tokens count for the one that asks, its events are told as `tool-progress` (`{ agent, sessionKey, event }`), and it is aborted with
 * it. Agents that ask each other without an end are refused with `call-depth` (see `sessions.maxCallDepth`), sessions that would wait for themselves with
 * `call-cycle`. The agent has to be one of the BeamClaw's, which `new BeamClaw` and `updateAgents` check; name it by its id where two ask each other. Throws
 * `invalid-option` and `invalid-id`.
 *
 * @example
 * const main = defineAgent({ id: 'main', model, tools: [agentTool(researcher, { description: 'Finds facts' })] })
 */
export function agentTool(agent: AgentDefinition | string, given: AgentToolOptions = {}): Tool<Task, unknown> {
  const options = readOptions('agentTool', given)
  checkOptions<AgentToolOptions>('agentTool', options, {
    name: text(64),
    description: text(10_000),
    sessionId: either(text(), aFunction),
    timeoutMs: duration(1),
  })
  const id = agentIdOf('agentTool', agent)
  const { name = `ask_${id}`, description = `Has the agent "${id}" do a task, and returns its answer.`, sessionId } = options
  const tool = defineTool<Task>({
    name,
    description,
    input: taskInput,
    inputSchema: taskSchema,
    // A repeat follows the run that the first try began.
    idempotent: true,
    timeoutMs: options.timeoutMs ?? agentToolDefaults.timeoutMs,
    execute: ({ task }, call) => ask(id, task, call, sessionId),
  })
  return { ...tool, agentId: id }
}

/** Options of `handoff`. */
export interface HandoffOptions {
  /** @default `hand_off_to_<agent id>` */
  readonly name?: string
  /** Tells the model when to hand over. @default names the agent */
  readonly description?: string
}

/**
 * Returns a tool that hands the conversation to another agent: it sees the whole history, and answers from the next turn of the run on and in all later
 * runs of the session, with its own model, system prompt, tools and hooks, until it hands over in its turn. What the session or a message asks for
 * itself, such as a model, still holds. Durable with the outcome of the call. The agent has to be one of the BeamClaw's, which `new BeamClaw` and
 * `updateAgents` check; where it is configured no more, the one of the session's key answers. Throws `invalid-option` and `invalid-id`.
 *
 * @example
 * const triage = defineAgent({ id: 'triage', model, tools: [handoff(billing), handoff(support)] })
 */
export function handoff(agent: AgentDefinition | string, given: HandoffOptions = {}): Tool<Record<string, never>, unknown> {
  const options = readOptions('handoff', given)
  checkOptions<HandoffOptions>('handoff', options, { name: text(64), description: text(10_000) })
  const id = agentIdOf('handoff', agent)
  const { name = `hand_off_to_${id}`, description = `Hands this conversation over to the agent "${id}", which goes on with it.` } = options
  const tool = defineTool({
    name,
    description,
    idempotent: true,
    execute: (_, { handOff }) => {
      handOff(id)
      return `The agent "${id}" goes on from here.`
    },
  })
  return { ...tool, agentId: id, handsOver: true }
}

function agentIdOf(owner: string, agent: AgentDefinition | string): AgentId {
  return guardedRead(owner, 'agent', () => parseAgentId(typeof agent === 'string' ? agent : agent?.id))
}

async function ask(agent: AgentId, task: string, call: ToolContext, sessionId: AgentToolOptions['sessionId']): Promise<ToolOutput> {
  // Not to be guessed or hit by accident: an idempotency key is unique in its session alone, and clients choose it.
  const id = `sub:${await digestOf(`${call.sessionKey} ${call.idempotencyKey}`)}`
  const session = call.session(sessionKey(agent, ownSessionId(sessionId, call) ?? id))
  call.signal.throwIfAborted()
  const run = session.send(task, { idempotencyKey: id, ...definedOnly({ context: call.context as JsonValue | undefined }) })
  const stopped = Promise.withResolvers<never>()
  const abort = (): void => {
    if (isForGood(call.signal.reason)) void session.abort(run.runId).catch(() => {})
    stopped.reject(call.signal.reason)
  }
  call.signal.addEventListener('abort', abort, { once: true })
  const told = tellEvents(run, agent, call)
  try {
    const { text: answer, usageByModel } = await Promise.race([run.result(), stopped.promise])
    await Promise.race([told, stopped.promise])
    for (const { model, usage } of usageByModel) call.reportUsage(model, usage)
    return answer
  } catch (error) {
    // It would wait for this one to end, and its answer would have no reader.
    if (BeamClawError.isInstance(error, 'call-cycle')) await session.abort(run.runId)
    return failed(agent, error, call)
  } finally {
    call.signal.removeEventListener('abort', abort)
  }
}

/** Returns the session id that the host has chosen. Throws `invalid-option`, with the option's name, when its function fails or returns no text. */
function ownSessionId(sessionId: AgentToolOptions['sessionId'], call: ToolContext): string | undefined {
  if (typeof sessionId !== 'function') return sessionId
  let own: unknown
  try {
    own = sessionId(call)
  } catch (error) {
    const problem = `agentTool: the function of option "sessionId" failed: ${describeError(error)}`
    throw new BeamClawError('invalid-option', problem, { cause: error, details: { owner: 'agentTool', option: 'sessionId' } })
  }
  if (typeof own === 'string' && own !== '') return own
  if (isThenable(own))
    whenSettled(
      own,
      () => {},
      () => {},
    )
  throw invalidOption('agentTool', 'sessionId', 'a function that returns text', own)
}

/** Returns what the model is told of a run that is over without an answer. Throws what says nothing of the run: another try may follow it. */
function failed(agent: AgentId, error: unknown, call: ToolContext): ToolOutput {
  if (!BeamClawError.isInstance(error) || error.details?.usageByModel === undefined) throw error
  const spent = modelUsageOf(error.details.usageByModel, 'usageByModel', (problem) => new Error(problem))
  for (const { model, usage } of spent) call.reportUsage(model, usage)
  return toolResult({ content: `The agent "${agent}" gave no answer: ${error.message} (${error.code})`, isError: true })
}

async function tellEvents(run: ToolRun, agent: AgentId, { progress }: ToolContext): Promise<void> {
  try {
    for await (const event of run) {
      const { sessionKey: key, runId, type } = event
      try {
        progress({ agent, sessionKey: key, event: shownPart(event) as unknown as JsonValue })
      } catch {
        // More than progress may hold: it is in the agent's own session.
        progress({ agent, sessionKey: key, event: { type, runId } })
      }
    }
  } catch {
    // What went wrong with the run is told by its result.
  }
}

/** Returns what readers of the run that asks may see: texts of errors may name files and secrets, and streams do not look into progress. */
function shownPart(event: RunEvent): object {
  const { type, runId } = event
  switch (event.type) {
    case 'tool-result':
      return { type, runId, toolCallId: event.result.toolCallId, name: event.result.name, outcome: event.outcome }
    case 'model-failure':
      return { type, runId, turn: event.turn, attempt: event.attempt, code: event.failure.code }
    case 'run-end':
      return { type, runId, outcome: event.outcome, ...(event.failure === undefined ? {} : { code: event.failure.code }) }
    default:
      return event
  }
}

/** True where the call is over: the run was aborted, or its time is up. A session that stops goes on later, and its call with it. */
function isForGood(reason: unknown): boolean {
  if (BeamClawError.isInstance(reason, 'task-timeout')) return true
  return BeamClawError.isInstance(reason, 'call-aborted') && (reason.cause === 'abort' || reason.cause === 'interrupt')
}

/** Returns 32 hexadecimal digits. */
async function digestOf(value: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(value)))
  return Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
