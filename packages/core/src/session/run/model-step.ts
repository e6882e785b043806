/** One model call: builds the request, calls the model, and records the answer. */
import { definedOnly } from '@beamclaw/actor/internal'
import type { AgentDefinition, SystemPrompt } from '../../agent/agent.ts'
import { referencesIn } from '../../base/attachments.ts'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { AgentId } from '../../base/ids.ts'
import { assistantMessageOf, eachOf, type Fail, fieldsOf, messageOf, stringOf } from '../../base/message-check.ts'
import type { JsonValue, Message } from '../../base/messages.ts'
import type { ProviderRequest } from '../../ports/provider.ts'
import { callIds, firstRepeated } from '../state/history-cut.ts'
import type { RunState } from '../state/run-state.ts'
import { type AttemptPause, describeFailure } from './attempts.ts'
import { type ModelAnswer, readAnswer } from './model-answer.ts'
import type { NextStep } from './next-step.ts'
import { contextFor } from './run-context.ts'
import { callHook, HookFailure, hookFailure, readReturn, withinTime } from './run-hooks.ts'
import type { RunLoopOptions } from './run-loop-options.ts'

type AskModel = Extract<NextStep, { type: 'ask-model' }>

/** Takes the step. Resolves when its outcome is staged, or when it was interrupted. Rejects with the error that prevented a journal write. */
export async function askModel(
  options: RunLoopOptions,
  pause: AttemptPause,
  step: AskModel,
  { signal, listed }: { readonly signal: AbortSignal; readonly listed: Promise<void> | undefined },
): Promise<void> {
  const { journal, state } = options
  const { runId, turn, attempt } = step
  if (step.retry !== undefined) {
    await journal.flush()
    if (!(await pause(attempt, step.retry.afterMs, signal))) return
  }
  const agent = options.agent()
  const name = state.current?.settings.model ?? agent.model
  const recorded = journal.commit({ type: 'model-request', runId, turn, attempt, model: name })
  const written = listed === undefined ? recorded : bothOf(listed, recorded)
  const run = state.current
  if (run !== undefined && mayAskAhead(agent, run)) written.catch(() => {})
  else await written
  if (signal.aborted || run === undefined) return
  let answer: ModelAnswer
  try {
    answer = await answerOf(options, agent, run, { name, durable: written }, signal)
  } catch (error) {
    // Without its record the request was never made.
    await written
    // The session is stopping or the run was cancelled. The request stays open, and the journal decides the next step.
    if (signal.aborted) return
    logForeign(options, runId, error)
    const failed = error instanceof HookFailure ? { ...describeFailure(error.error), isRetryable: false } : describeFailure(error)
    return journal.stage({ type: 'model-failure', runId, turn, attempt, ...failed })
  }
  if (signal.aborted) return
  // The next step is decided at once, and written in the same batch.
  journal.stage({ type: 'model-response', runId, turn, ...answer })
}

/**
 * Logs what a provider threw that is no provider error: a mistake in its code, which nothing else tells. The log alone has the text, since it may quote the request; callers hear
 * of the kind.
 */
function logForeign({ logger, sessionKey: session }: RunLoopOptions, run: string, error: unknown): void {
  if (!BeamClawError.isInstance(error, 'provider-protocol') || error.cause === undefined) return
  logger.log('warn', 'provider.threw', { session, run, error: describeError(error.cause) })
}

async function bothOf(listed: Promise<void>, written: Promise<void>): Promise<void> {
  await Promise.all([listed, written])
}

/**
 * True when the request may leave while its record is written: asking shows and does nothing, and its answer waits for the record. Not
 * after a failed or interrupted attempt, whose number must be durable before the next one may fail in the same way, and not where code of the host runs first.
 */
function mayAskAhead({ hooks, system, context }: AgentDefinition, { attempt, crashes }: RunState): boolean {
  return attempt === 1 && crashes === 0 && hooks.beforeModel === undefined && typeof system !== 'function' && context === undefined
}

async function answerOf(
  options: RunLoopOptions,
  agent: AgentDefinition,
  run: RunState,
  { name, durable }: { readonly name: string; readonly durable: Promise<void> },
  signal: AbortSignal,
): Promise<ModelAnswer> {
  const { providers, tell, sessionKey, turns, clock } = options
  const { runId, turn, attempt } = run
  const { provider, model } = providers.resolve(name)
  const context = agent.context === undefined ? run.context : await contextFor(agent, run, options, signal)
  const hooks = { agent, sessionKey, run, context, clock, signal }
  const { shown } = options.state
  // Nothing is awaited that is there: each wait is a turn of the microtasks before the request leaves.
  const system = typeof agent.system === 'function' ? await systemFrom(agent.system, agent.id, context, options, signal) : agent.system
  const messages = shown.references === 0 ? shown.messages() : await options.attachments.whole(shown.messages(), { runId, signal })
  const request = requestOf(options, agent, run, { model, system, messages })
  const given = agent.hooks.beforeModel === undefined ? request : askedInstead(await callHook('beforeModel', hooks, { request }), request)
  // A hook may take messages from a history, which refers to attachments.
  const asked = given === request || !hasReferences(given) ? given : await withoutReferences(given, options, run, signal)
  const mayShow = agent.hooks.afterModel === undefined
  const answer = await readAnswer(
    () => provider.doStream(asked, { signal }),
    { signal, turns, clock, durable },
    (piece) => {
      const { type } = piece
      if (type === 'warning') tell({ ...piece, type: 'model-warning', sessionKey, runId, turn, attempt })
      else if (mayShow) tell({ type, sessionKey, runId, turn, attempt, text: piece.text })
    },
  )
  return mayShow ? answer : withMessage(answer, await callHook('afterModel', hooks, answer), options.state.shown.messages())
}

function requestOf(
  { tenant }: RunLoopOptions,
  agent: AgentDefinition,
  run: RunState,
  { model, system, messages }: { readonly model: string; readonly system: string | undefined; readonly messages: readonly Message[] },
): ProviderRequest {
  const { responseFormat } = run
  const { temperature = agent.temperature, maxOutputTokens = agent.maxOutputTokens, thinking = agent.thinking } = run.settings
  const tools = toolsOf(agent, run)
  const toolChoice = choiceIn(run, agent)
  return {
    model,
    agent: agent.id,
    tenant,
    messages,
    ...(system === undefined ? {} : { system }),
    ...(tools.length === 0 ? {} : { tools, ...(toolChoice === undefined ? {} : { toolChoice }) }),
    ...(thinking === 'off' ? {} : { thinking }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(responseFormat === undefined ? {} : { responseFormat }),
  }
}

/** A forced tool choice holds for the first turn only: forced in each turn, the run would never end. */
function choiceIn({ turn, settings }: RunState, agent: AgentDefinition): ProviderRequest['toolChoice'] {
  const choice = settings.toolChoice ?? agent.toolChoice
  return turn > 1 && choice !== 'none' ? undefined : choice
}

async function systemFrom(
  system: Exclude<SystemPrompt<never>, string>,
  agentId: AgentId,
  context: JsonValue | undefined,
  { sessionKey, settings, clock }: RunLoopOptions,
  signal: AbortSignal,
): Promise<string> {
  const asked = { hook: 'system', name: `The system function of agent "${agentId}"` }
  const call = (): unknown =>
    (system as Exclude<SystemPrompt<unknown>, string>)({ context, session: { key: sessionKey, settings: settings() }, agentId })
  const text = await withinTime(asked, call, { clock, signal })
  if (typeof text === 'string') return text.toWellFormed()
  throw hookFailure('system', `The system function of agent "${agentId}" must return text`)
}

/** Returns the agent's tools that this run may use. */
function toolsOf({ tools }: AgentDefinition, { settings }: RunState): ProviderRequest['tools'] & object {
  const { tools: allowed } = settings
  return [...tools.values()].map((tool) => tool.declaration).filter(({ name }) => allowed === undefined || allowed.includes(name))
}

/** Returns the request of the hook, or the session's own request when the hook returned none. */
function askedInstead(given: unknown, request: ProviderRequest): ProviderRequest {
  if (given === undefined || given === null) return request
  return readReturn('beforeModel', 'no request', (fail) => {
    const { model, messages } = fieldsOf(given, 'request', fail)
    stringOf(model, 'request.model', fail)
    eachOf(messages, 'request.messages', fail, messageOf)
    const { agent, tenant } = request
    // A hook that makes a request of its own must not move its cost to another tenant or agent.
    return { ...definedOnly({ agent, tenant }), ...(given as ProviderRequest) }
  })
}

function hasReferences({ messages }: ProviderRequest): boolean {
  return messages.some((message) => referencesIn(message).length > 0)
}

async function withoutReferences(
  request: ProviderRequest,
  { attachments }: RunLoopOptions,
  { runId }: RunState,
  signal: AbortSignal,
): Promise<ProviderRequest> {
  return { ...request, messages: await attachments.whole(request.messages, { runId, signal }) }
}

function withMessage(answer: ModelAnswer, message: unknown, history: readonly Message[]): ModelAnswer {
  if (message === undefined || message === null) return answer
  return readReturn('afterModel', 'no message', (fail) => {
    const changed = assistantMessageOf(message, 'message', fail)
    checkCallIds(callIds(changed), callIds(answer.message), history, fail)
    const hasCalls = changed.content.some((part) => part.type === 'tool-call')
    return { ...answer, message: changed, finish: answer.finish === 'tool-calls' && !hasCalls ? 'stop' : answer.finish }
  })
}

/** Checks that call ids are unique, because results refer to their calls by id. The model may repeat its own: some services count anew in each answer. */
function checkCallIds(ids: readonly string[], own: readonly string[], history: readonly Message[], fail: Fail): void {
  const repeated = firstRepeated(ids)
  if (repeated !== undefined) throw fail(`two calls have the id "${repeated}"; give each call an id of its own`)
  const added = ids.filter((id) => !own.includes(id))
  if (added.length === 0) return
  if (added.includes('')) throw fail('a call has no id; give each call an id of its own')
  const used = new Set(history.flatMap((message) => (message.role === 'assistant' ? callIds(message) : [])))
  const again = added.find((id) => used.has(id))
  if (again !== undefined) throw fail(`the id "${again}" is that of an earlier call; give the call an id that was not used before`)
}
