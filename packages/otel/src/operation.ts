/** One operation under way: its span, and the metric of its duration. */
import { type Attributes, type Context, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import type { GenAiMetrics } from './metrics.ts'

export interface OperationOptions {
  readonly kind: 'chat' | 'invoke_agent' | 'execute_tool'
  readonly span: Span
  readonly parent: Context
  readonly metrics: GenAiMetrics
  /** Of few values: a metric has a series for each. */
  readonly labels: Attributes
}

export class Operation {
  readonly span: Span
  /** In which what belongs to it begins. */
  readonly context: Context
  readonly labels: Attributes
  readonly #kind: OperationOptions['kind']
  readonly #metrics: GenAiMetrics
  readonly #startedAt = performance.now()

  constructor({ kind, span, parent, metrics, labels }: OperationOptions) {
    this.span = span
    this.context = trace.setSpan(parent, span)
    this.labels = labels
    this.#kind = kind
    this.#metrics = metrics
  }

  end(attributes: Attributes = {}, errorType?: string): void {
    const error: Attributes = errorType === undefined ? {} : { 'error.type': errorType }
    this.span.setAttributes({ ...attributes, ...error })
    if (errorType !== undefined) this.span.setStatus({ code: SpanStatusCode.ERROR })
    this.#metrics.duration(this.#kind, (performance.now() - this.#startedAt) / 1_000, { ...this.labels, ...error })
    this.span.end()
  }

  /** Ends the span of an operation whose end will not be told here: it continues elsewhere, or later. */
  leave(): void {
    this.span.setAttribute('beamclaw.interrupted', true)
    this.span.end()
  }
}
