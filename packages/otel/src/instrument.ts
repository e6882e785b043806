/** Listens to a running BeamClaw, and tells OpenTelemetry. */
import type { RunningBeamClaw, SessionEvent } from '@beamclaw/core'
import { aBoolean, aFunction, anObjectWith, checkOptions, type OptionRule } from '@beamclaw/core/adapter'
import { type Context, type Meter, metrics, type Tracer, trace } from '@opentelemetry/api'
import { GenAiMetrics } from './metrics.ts'
import { RunSpans } from './run-spans.ts'

/** Options of `instrument`. */
export interface InstrumentOptions {
  /** @default that of the global provider, which does nothing where there is no SDK */
  readonly tracer?: Tracer
  /** @default that of the global provider */
  readonly meter?: Meter
  /** Puts answers, and what tools are given and return, into the spans: they may hold secrets. @default false */
  readonly recordContent?: boolean
  /**
   * Returns the context that a run's span belongs below, such as that of the request which sent the message; undefined for a trace of its own. Called
   * once for each span of a run, before any of its other spans begins. What it throws is told to OpenTelemetry's `diag`, and the run gets a trace of
   * its own. @default a trace of its own for each run
   */
  readonly parentOf?: (run: TracedRun) => Context | undefined
}

/** A run that is about to get its span. */
export type TracedRun = Pick<SessionEvent, 'tenant' | 'agentId' | 'sessionKey' | 'runId'>

const scope = '@beamclaw/otel'

const aRunningBeamClaw: OptionRule = (value) => {
  const { ended } = (anObjectWith('on')(value) === undefined ? value : {}) as Partial<RunningBeamClaw>
  return typeof ended?.then === 'function' ? undefined : 'a running BeamClaw'
}

/**
 * Makes spans and metrics of the runs of every session from now on, after the GenAI semantic conventions
 * (https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-agent-spans.md, in development): `invoke_agent` for a run,
 * with `chat` and `execute_tool` below it; `gen_ai.client.token.usage`, `gen_ai.client.operation.duration`, `gen_ai.invoke_agent.duration` and
 * `gen_ai.execute_tool.duration`. After a hand-off, an `invoke_agent` of the agent that answers lies below the run's. The span of a run that a tool began with `agentTool` is linked to the tool's. A run that is interrupted has one span
 * for each process, with `beamclaw.interrupted`. A run has a trace of its own, unless `parentOf` names its parent. Nothing of what was said is recorded unless `recordContent`. Returns a function that ends it. Throws
 * `invalid-option`.
 *
 * @example
 * const stop = instrument(running)
 * // Or below the span of the request that sends the message:
 * const parents = new Map<string, Context>()
 * instrument(running, { parentOf: ({ runId }) => parents.get(runId) })
 * const run = session.send('Hello')
 * parents.set(run.runId, context.active())
 */
export function instrument(running: Pick<RunningBeamClaw, 'on' | 'ended'>, options: InstrumentOptions = {}): () => void {
  checkOptions('instrument', { running }, { running: aRunningBeamClaw }, ['running'])
  checkOptions<InstrumentOptions>('instrument', options, {
    tracer: anObjectWith('startSpan'),
    meter: anObjectWith('createHistogram'),
    recordContent: aBoolean,
    parentOf: aFunction,
  })
  const { tracer = trace.getTracer(scope), meter = metrics.getMeter(scope), recordContent = false, parentOf = () => undefined } = options
  const spans = new RunSpans({ tracer, metrics: new GenAiMetrics(meter), recordContent, parentOf })
  const cancel = running.on('*', (event) => spans.take(event))
  const stop = (): void => {
    cancel()
    spans.stop()
  }
  // Events that wait are told first.
  void running.ended.then(() => setTimeout(stop, 0))
  return stop
}
