/** The metrics of the GenAI semantic conventions that the events of runs tell. */
import type { Usage } from '@beamclaw/core'
import type { Attributes, Histogram, Meter } from '@opentelemetry/api'

const tokenBuckets = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864]
const secondBuckets = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]

export class GenAiMetrics {
  readonly #tokens: Histogram
  readonly #seconds: Readonly<Record<'chat' | 'invoke_agent' | 'execute_tool', Histogram>>

  constructor(meter: Meter) {
    const histogram = (name: string, description: string, unit: string, explicitBucketBoundaries: number[]): Histogram =>
      meter.createHistogram(name, { description, unit, advice: { explicitBucketBoundaries } })
    const seconds = (name: string, of: string): Histogram => histogram(name, `Duration of ${of}.`, 's', secondBuckets)
    this.#tokens = histogram('gen_ai.client.token.usage', 'Tokens of one answer.', '{token}', tokenBuckets)
    this.#seconds = {
      chat: seconds('gen_ai.client.operation.duration', 'one call of a model'),
      invoke_agent: seconds('gen_ai.invoke_agent.duration', 'a run'),
      execute_tool: seconds('gen_ai.execute_tool.duration', 'a tool call'),
    }
  }

  tokens({ inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }: Usage, attributes: Attributes): void {
    this.#tokens.record(inputTokens + cacheReadTokens + cacheWriteTokens, { ...attributes, 'gen_ai.token.type': 'input' })
    this.#tokens.record(outputTokens, { ...attributes, 'gen_ai.token.type': 'output' })
  }

  duration(operation: 'chat' | 'invoke_agent' | 'execute_tool', seconds: number, attributes: Attributes): void {
    this.#seconds[operation].record(seconds, attributes)
  }
}
