/** Runs tool calls. Never rejects: a failure becomes a result that the model can read. */
import type { Clock, Logger, LogLevel, Random, TaskSupervisor } from '@beamclaw/actor'
import { nearestName } from '@beamclaw/actor/internal'
import type { ApprovalAnswer } from '../base/approval.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { AgentId, RunId, SessionKey, TenantId } from '../base/ids.ts'
import type { JsonObject, JsonValue, ToolCall, ToolResult } from '../base/messages.ts'
import { firstCharacters } from '../base/well-formed.ts'
import { type PlannedCall, plainPlan, plannedCallOf } from './planned-call.ts'
import type { RunWaits } from './run-waits.ts'
import { describeIssues, type StandardSchema } from './standard-schema.ts'
import type { Tool, ToolContext, ToolOutput } from './tool.ts'
import type { ToolEffects } from './tool-effects.ts'
import { ToolLines } from './tool-lines.ts'
import { capped, toToolContent } from './tool-output.ts'
import type { PlanContext, ToolQuestion } from './tool-plan.ts'
import { boundedProgress } from './tool-progress.ts'
import type { ToolSession } from './tool-session.ts'

export interface ToolRunnerOptions {
  /** Returns the task supervisor of the tools; undefined while it does not run. */
  readonly tasks: () => TaskSupervisor | undefined
  /** Detects tools that wait for their own run. */
  readonly waits: RunWaits
  /** Returns a session for a tool that is so many sessions below the first of a chain of waits. */
  readonly session: (key: string, depth: number) => ToolSession
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export interface ToolCallSite {
  readonly tenant: TenantId
  readonly sessionKey: SessionKey
  readonly runId: RunId
  readonly agentId: AgentId
  /** Names of the tools that the run may call. */
  readonly toolNames: readonly string[]
  /** The `context` of the message. */
  readonly context: JsonValue | undefined
  /** The schema that has made the context: a tool with the same one takes it as it is. */
  readonly contextSchema: StandardSchema | undefined
  /** What was planned, and approved if it was asked. */
  readonly plan: JsonValue | undefined
  /** Asks for a further approval; `index` counts the questions of one try from 0. */
  readonly ask: (question: ToolQuestion, index: number, signal: AbortSignal) => Promise<ApprovalAnswer>
  /** Publishes the progress of the tool. */
  readonly progress: (data: JsonValue) => void
  /** Takes what the call does besides returning something. */
  readonly effects: ToolEffects
  /** Sessions above this one that wait for the run. */
  readonly depth: number
  /** The idempotency key that the tool gets. */
  readonly idempotencyKey: string
  readonly signal: AbortSignal
}

/** Milliseconds before the second try; doubled for each further one. */
const toolRetryMs = 250

export class ToolRunner {
  readonly #options: ToolRunnerOptions
  readonly #lines = new ToolLines()

  constructor(options: ToolRunnerOptions) {
    this.#options = options
  }

  /** Resolves with the result of a call to one of `tools`. */
  async run(call: ToolCall, tools: ReadonlyMap<string, Tool>, site: ToolCallSite): Promise<ToolResult> {
    try {
      const tool = toolOf(call, tools)
      return { ...headOf(call), ...toToolContent(await this.#tries(call, tool, site)) }
    } catch (error) {
      return failedCall(call, error)
    }
  }

  /** Resolves with what a call would do: its input checked, its plan made. Rejects with what the model has to read. */
  plan(call: ToolCall, tool: Tool, site: ToolCallSite): Promise<PlannedCall> {
    const { tenant, sessionKey, agentId } = site
    return this.#inTask(call, tool, site, async (signal) => {
      const input = await checkedInput(call, tool)
      const context = await checkedContext(site, tool)
      signal.throwIfAborted()
      if (tool.plan === undefined) return plainPlan(call.name, call.input ?? {})
      const plan = await tool.plan(input as never, { signal, tenant, sessionKey, agentId, context } as PlanContext<never>)
      return plannedCallOf(plan)
    })
  }

  /**
   * Resolves with what became of a call that had begun when its process ended: its result, or undefined when it did nothing and may run again. Never
   * rejects: a tool that cannot tell leaves the outcome unknown.
   */
  async reconcile(call: ToolCall, tool: Tool, site: ToolCallSite): Promise<ToolResult | 'unknown' | undefined> {
    const { idempotencyKey } = site
    try {
      const found: unknown = await this.#inTask(call, tool, site, async (signal) => {
        const input = (await checkedInput(call, tool)) as never
        return tool.reconcile?.({ input, idempotencyKey }, await this.#context(call, tool, site, signal, 1))
      })
      const { status, output } = (found ?? {}) as { readonly status?: unknown; readonly output?: ToolOutput }
      if (status === 'not-done') return undefined
      return status === 'done' ? { ...headOf(call), ...toToolContent(output) } : 'unknown'
    } catch (error) {
      this.#log(call, site, 'warn', 'reconcile failed', { error: describeError(error) })
      return 'unknown'
    }
  }

  async #tries(call: ToolCall, tool: Tool, site: ToolCallSite): Promise<ToolOutput> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#try(call, tool, site, attempt)
      } catch (error) {
        if (site.signal.aborted || attempt >= tool.maxAttempts || !isTransient(error)) throw error
        await this.#wait(toolRetryMs * 2 ** (attempt - 1), site.signal)
      }
    }
  }

  /** Runs one try. The schemas are code of the tool too, so validation counts towards its timeout. */
  #try(call: ToolCall, tool: Tool, site: ToolCallSite, attempt: number): Promise<ToolOutput> {
    const execute = async (signal: AbortSignal): Promise<ToolOutput> => {
      const input = await checkedInput(call, tool)
      const context = await this.#context(call, tool, site, signal, attempt)
      signal.throwIfAborted()
      return tool.execute(input as never, context as ToolContext<never>)
    }
    const { concurrency } = tool
    return this.#inTask(call, tool, site, (signal) =>
      concurrency === undefined ? execute(signal) : this.#lines.run(call.name, concurrency, signal, () => execute(signal)),
    )
  }

  /** Runs code of a tool as a task, with the tool's deadline. */
  #inTask<T>({ id, name }: ToolCall, { timeoutMs }: Tool, { sessionKey, signal }: ToolCallSite, code: (signal: AbortSignal) => Promise<T>) {
    const tasks = this.#options.tasks()
    if (tasks === undefined) return Promise.reject(new BeamClawError('actor-not-running', 'Tools do not run just now'))
    const { waits } = this.#options
    return tasks.run((task) => waits.runTool({ sessionKey, signal: task.signal }, () => code(task.signal)), {
      id: `${sessionKey}/${name}/${id}`.slice(0, 512),
      signal,
      timeoutMs,
    })
  }

  async #context(call: ToolCall, tool: Tool, site: ToolCallSite, signal: AbortSignal, attempt: number): Promise<ToolContext> {
    const { tenant, sessionKey, runId, agentId, toolNames, idempotencyKey, effects, depth, plan } = site
    let questions = 0
    return {
      signal,
      tenant,
      sessionKey,
      runId,
      agentId,
      toolNames,
      context: await checkedContext(site, tool),
      plan,
      ask: (question) => site.ask(question, questions++, signal),
      log: (level, message, fields = {}) => this.#log(call, site, level, message, fields),
      progress: boundedProgress(site.progress, signal),
      session: (key) => this.#options.session(key, depth + 1),
      reportUsage: (model, usage) => effects.reportUsage(model, usage),
      handOff: (agent) => effects.handOff(agent),
      toolCallId: call.id,
      idempotencyKey,
      attempt,
    }
  }

  #log({ name }: ToolCall, { tenant, sessionKey, runId }: ToolCallSite, level: LogLevel, message: string, fields: object): void {
    this.#options.logger.log(level, 'tool.log', { ...fields, tool: name, tenant, session: sessionKey, run: runId, message })
  }

  #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    const jitter = 0.5 + this.#options.random.next() / 2
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        timer.cancel()
        reject(signal.reason)
      }
      const timer = this.#options.clock.setTimer(
        () => {
          signal.removeEventListener('abort', abort)
          resolve()
        },
        Math.round(delayMs * jitter),
      )
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) abort()
    })
  }
}

/** Returns the result of a call that could not be run. */
export function failedCall(call: ToolCall, error: unknown): ToolResult {
  return { ...headOf(call), content: capped(`Error: ${describeError(error)}`), isError: true }
}

/** Returns the fields of a result that identify its call. */
export function headOf(call: ToolCall): { readonly type: 'tool-result'; readonly toolCallId: string; readonly name: string } {
  return { type: 'tool-result', toolCallId: call.id, name: call.name }
}

/** Returns the tool of a call. Throws `tool-input`, with a hint, where there is none of that name. */
function toolOf({ name }: ToolCall, tools: ReadonlyMap<string, Tool>): Tool {
  const tool = tools.get(name)
  if (tool !== undefined) return tool
  const known = [...tools.keys()]
  const nearest = nearestName(name, known)
  const hint = nearest === undefined ? `Available tools: ${known.join(', ') || 'none'}` : `Did you mean "${nearest}"?`
  throw new BeamClawError('tool-input', `There is no tool "${firstCharacters(name, 64)}". ${hint}`)
}

async function checkedInput(call: ToolCall, { input }: Tool): Promise<unknown> {
  if (call.invalidInput !== undefined)
    throw new BeamClawError('tool-input', 'The input is not valid JSON. Send the call again with valid JSON.')
  if (input === undefined) return (call.input ?? {}) as JsonObject
  const checked = await input['~standard'].validate(call.input)
  if (checked.issues === undefined) return checked.value
  throw new BeamClawError('tool-input', `The input is not valid: ${describeIssues(checked.issues)}`)
}

/** Returns the context of the run, as the tool's schema parses it. Throws when it does not fit. */
async function checkedContext({ context, contextSchema }: ToolCallSite, { declaration, context: schema }: Tool): Promise<unknown> {
  if (schema === undefined || schema === contextSchema) return context
  const checked = await schema['~standard'].validate(context)
  if (checked.issues === undefined) return checked.value
  throw new BeamClawError(
    'tool-failed',
    `The context of this run is not what tool "${declaration.name}" needs: ${describeIssues(checked.issues)}`,
  )
}

function isTransient(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (error as { isRetryable?: unknown }).isRetryable === true
}
