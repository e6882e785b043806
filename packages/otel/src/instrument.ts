/** Listens to a running BeamClaw, and tells OpenTelemetry. */
import type { RunningBeamClaw } from '@beamclaw/core'
import { checkOptions } from '@beamclaw/core/adapter'
import { type Meter, metrics, type Tracer, trace } from '@opentelemetry/api'
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
}

const scope = '@beamclaw/otel'

const anObject = (value: unknown): string | undefined => (typeof value === 'object' && value !== null ? undefined : 'an object')
const aBoolean = (value: unknown): string | undefined => (typeof value === 'boolean' ? undefined : 'true or false')

/**
 * Makes spans and metrics of the runs of every session from now on, after the GenAI semantic conventions
 * (https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-agent-spans.md, in development): `invoke_agent` for a run,
 * with `chat` and `execute_tool` below it; `gen_ai.client.token.usage`, `gen_ai.client.operation.duration`, `gen_ai.invoke_agent.duration` and
 * `gen_ai.execute_tool.duration`. After a hand-off, an `invoke_agent` of the agent that answers lies below the run's. The span of a run that a tool began with `agentTool` is linked to the tool's. A run that is interrupted has one span
 * for each process, with `beamclaw.interrupted`. Nothing of what was said is recorded unless `recordContent`. Returns a function that ends it. Throws
 * `invalid-option`.
 *
 * @example
 * const stop = instrument(running)
 */
export function instrument(running: Pick<RunningBeamClaw, 'on' | 'ended'>, options: InstrumentOptions = {}): () => void {
  checkOptions<InstrumentOptions>('instrument', options, { tracer: anObject, meter: anObject, recordContent: aBoolean })
  const { tracer = trace.getTracer(scope), meter = metrics.getMeter(scope), recordContent = false } = options
  const spans = new RunSpans(tracer, new GenAiMetrics(meter), recordContent)
  const cancel = running.on('*', (event) => spans.take(event))
  const stop = (): void => {
    cancel()
    spans.stop()
  }
  // Events that wait are told first.
  void running.ended.then(() => setTimeout(stop, 0))
  return stop
}
