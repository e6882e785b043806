/**
 * Makes spans of the events of runs: one for a run, and below it one for each call of a model and of a tool. What another agent does after a hand-off lies
 * below a span of that agent.
 *
 * Owns the operations under way, by session: a session has one run at a time.
 * I1: What is kept is bounded by the runs under way; a run that pauses, or whose session is lost, is let go of.
 */
import { addUsage, type SessionEvent, type Usage, zeroUsage } from '@beamclaw/core'
import { type Attributes, type Context, diag, ROOT_CONTEXT, SpanKind, type Tracer } from '@opentelemetry/api'
import { finishAttributes, messageText, modelAttributes, runAttributes, usageAttributes } from './attributes.ts'
import type { GenAiMetrics } from './metrics.ts'
import { Operation } from './operation.ts'

/** Runs under way that are kept; the oldest is let go of. */
const maxRuns = 10_000

interface RunOperations {
  readonly runId: string
  readonly run: Operation
  /** The agent of the run's span: the one that answered when it began. */
  readonly agentId: string
  /** The part of the run that another agent answers, after a hand-off. */
  handedOver: { readonly agentId: string; readonly operation: Operation } | undefined
  model: Operation | undefined
  readonly tools: Map<string, Operation>
  /** True once the run is linked to the tool that asked for it. */
  isLinked: boolean
  usage: Usage
}

export interface RunSpansOptions {
  readonly tracer: Tracer
  readonly metrics: GenAiMetrics
  readonly recordContent: boolean
  /** The host's: it may throw, and return anything. */
  readonly parentOf: (run: Pick<SessionEvent, 'tenant' | 'agentId' | 'sessionKey' | 'runId'>) => Context | undefined
}

export class RunSpans {
  readonly #tracer: Tracer
  readonly #metrics: GenAiMetrics
  readonly #recordContent: boolean
  readonly #parentOf: RunSpansOptions['parentOf']
  readonly #runs = new Map<string, RunOperations>()

  constructor({ tracer, metrics, recordContent, parentOf }: RunSpansOptions) {
    this.#tracer = tracer
    this.#metrics = metrics
    this.#recordContent = recordContent
    this.#parentOf = parentOf
  }

  take(event: SessionEvent): void {
    switch (event.type) {
      case 'run-start':
      case 'run-resume':
        this.#begin(event)
        return
      case 'model-request':
        return this.#askModel(event)
      case 'message':
        return this.#answer(event)
      case 'model-failure':
        return this.#endModel(event, {}, event.failure.code)
      case 'tool-call':
        return this.#callTool(event)
      case 'tool-result':
        return this.#toolResult(event)
      case 'tool-progress':
        return this.#linkAgent(event)
      case 'run-pause':
        return this.#leave(nameOf(event))
      case 'run-end':
        return this.#end(event)
    }
  }

  /** Lets go of everything under way. */
  stop(): void {
    for (const name of [...this.#runs.keys()]) this.#leave(name)
  }

  #begin(event: SessionEvent): RunOperations {
    const name = nameOf(event)
    // Its end was not heard: it crashed, or the listener was too slow.
    this.#leave(name)
    const [oldest] = this.#runs.keys()
    if (oldest !== undefined && this.#runs.size >= maxRuns) this.#leave(oldest)
    const { runId, agentId } = event
    const run = this.#invoke(event, this.#parentFor(event))
    const operations: RunOperations = {
      runId,
      run,
      agentId,
      handedOver: undefined,
      model: undefined,
      tools: new Map(),
      isLinked: false,
      usage: zeroUsage,
    }
    this.#runs.set(name, operations)
    return operations
  }

  #parentFor({ tenant, agentId, sessionKey, runId }: SessionEvent): Context {
    try {
      const parent = this.#parentOf({ tenant, agentId, sessionKey, runId })
      if (typeof parent?.getValue === 'function') return parent
      if (parent !== undefined) diag.warn('@beamclaw/otel: parentOf must return a Context or undefined')
    } catch (error) {
      diag.error('@beamclaw/otel: parentOf threw', error)
    }
    return ROOT_CONTEXT
  }

  #invoke(event: SessionEvent, parent: Context): Operation {
    const labels = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': event.agentId }
    return this.#start('invoke_agent', event.agentId, SpanKind.INTERNAL, runAttributes(event), labels, parent)
  }

  /** Returns where the operations of an event's agent belong: below the run, or below a span of the agent that the run was handed to. */
  #contextOf(event: SessionEvent, operations: RunOperations): Context {
    const { run, handedOver } = operations
    if (handedOver !== undefined && handedOver.agentId !== event.agentId) {
      handedOver.operation.end()
      operations.handedOver = undefined
    }
    if (event.agentId === operations.agentId) return run.context
    operations.handedOver ??= { agentId: event.agentId, operation: this.#invoke(event, run.context) }
    return operations.handedOver.operation.context
  }

  /** The run of an event; one that began before anybody listened begins here. */
  #runOf(event: SessionEvent): RunOperations {
    const known = this.#runs.get(nameOf(event))
    return known?.runId === event.runId ? known : this.#begin(event)
  }

  #askModel(event: SessionEvent<'model-request'>): void {
    const operations = this.#runOf(event)
    operations.model?.leave()
    const attributes = modelAttributes(event.model)
    const own = { ...attributes, 'gen_ai.conversation.id': event.sessionKey, 'gen_ai.agent.name': event.agentId }
    const name = String(attributes['gen_ai.request.model'])
    operations.model = this.#start('chat', name, SpanKind.CLIENT, own, attributes, this.#contextOf(event, operations))
  }

  #answer(event: SessionEvent<'message'>): void {
    const { usage, finish, message } = event
    const operations = this.#runOf(event)
    operations.usage = addUsage(operations.usage, usage)
    if (operations.model !== undefined) this.#metrics.tokens(usage, operations.model.labels)
    const content = this.#recordContent ? { 'gen_ai.output.messages': messageText(message, finish) } : {}
    this.#endModel(event, { ...usageAttributes(usage), ...finishAttributes(finish), ...content })
  }

  #endModel(event: SessionEvent, attributes: Attributes, errorType?: string): void {
    const operations = this.#runOf(event)
    operations.model?.end(attributes, errorType)
    operations.model = undefined
  }

  #callTool(event: SessionEvent<'tool-call'>): void {
    const { toolCallId, name, input } = event
    const operations = this.#runOf(event)
    operations.tools.get(toolCallId)?.leave()
    const labels = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': name }
    const attributes = {
      ...labels,
      'gen_ai.tool.type': 'function',
      'gen_ai.tool.call.id': toolCallId,
      'gen_ai.conversation.id': event.sessionKey,
      'gen_ai.agent.name': event.agentId,
      ...(this.#recordContent ? { 'gen_ai.tool.call.arguments': JSON.stringify(input) } : {}),
    }
    const context = this.#contextOf(event, operations)
    operations.tools.set(toolCallId, this.#start('execute_tool', name, SpanKind.INTERNAL, attributes, labels, context))
  }

  #toolResult(event: SessionEvent<'tool-result'>): void {
    const { result, outcome } = event
    const { tools } = this.#runOf(event)
    const attributes = this.#recordContent ? { 'gen_ai.tool.call.result': JSON.stringify(result.content) } : {}
    tools.get(result.toolCallId)?.end(attributes, outcome === 'ok' ? undefined : outcome === 'error' ? 'tool-failed' : outcome)
    tools.delete(result.toolCallId)
  }

  /** The run of an agent that a tool asks is linked to the tool's span, see `agentTool`. */
  #linkAgent({ data, tenant, toolCallId, ...event }: SessionEvent<'tool-progress'>): void {
    const { sessionKey, event: told } = (data ?? {}) as { readonly sessionKey?: unknown; readonly event?: { readonly runId?: unknown } }
    if (typeof sessionKey !== 'string') return
    const tool = this.#runs.get(nameOf({ tenant, sessionKey: event.sessionKey }))?.tools.get(toolCallId)
    const asked = this.#runs.get(nameOf({ tenant, sessionKey }))
    // Its first event may be the only one that is told before its end.
    if (tool === undefined || asked === undefined || asked.isLinked || asked.runId !== told?.runId) return
    asked.isLinked = true
    asked.run.span.addLink({ context: tool.span.spanContext() })
  }

  #end(event: SessionEvent<'run-end'>): void {
    const name = nameOf(event)
    const operations = this.#runs.get(name)
    // One that was cancelled while it waited: another run may be under way.
    if (operations?.runId !== event.runId) return
    const { outcome, failure } = event
    leaveSteps(operations)
    operations.handedOver?.operation.end({}, failure?.code)
    operations.run.end({ ...usageAttributes(operations.usage), 'beamclaw.run.outcome': outcome }, failure?.code)
    this.#runs.delete(name)
  }

  #leave(name: string): void {
    const operations = this.#runs.get(name)
    if (operations === undefined) return
    leaveSteps(operations)
    operations.handedOver?.operation.leave()
    operations.run.leave()
    this.#runs.delete(name)
  }

  #start(
    kind: 'chat' | 'invoke_agent' | 'execute_tool',
    of: string,
    spanKind: SpanKind,
    attributes: Attributes,
    labels: Attributes,
    parent: Context,
  ): Operation {
    const span = this.#tracer.startSpan(`${kind} ${of}`, { kind: spanKind, attributes }, parent)
    return new Operation({ kind, span, parent, metrics: this.#metrics, labels })
  }
}

function leaveSteps({ model, tools }: RunOperations): void {
  model?.leave()
  for (const tool of tools.values()) tool.leave()
}

function nameOf({ tenant, sessionKey }: { readonly tenant: string; readonly sessionKey: string }): string {
  return `${tenant} ${sessionKey}`
}
