/** A provider whose calls a ledger counts. */
import {
  abortedError,
  type CallStream,
  callStream,
  estimateRequestTokens,
  noUsage,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
  type Usage,
} from '@beamclaw/core'
import { orAborted } from '../../or-aborted.ts'
import { OutputMeter } from '../../output-meter.ts'
import { type CallEnding, watchCall } from '../../watch-call.ts'
import type { UsageLabels } from './usage-rows.ts'

/** What is known of a call that ended. */
export interface CallOutcome {
  readonly usage: Usage
  /** The call ended with an error of the provider. @default false */
  readonly hasFailed?: boolean
  /** The tokens are a guess. @default false */
  readonly isEstimated?: boolean
}

/** What was set aside for one call. Only the first call of either method counts. */
export interface UsageReservation {
  /** The call has ended: counts it, and gives back what was set aside. */
  settle(outcome: CallOutcome): void
  /** The call was never made: gives back what was set aside and counts nothing. */
  release(): void
}

/** The side of a ledger that a recorder needs. */
export interface UsageMeter {
  /** Resolves when what was spent before is known. Rejects with a `provider-` error. */
  ready(): Promise<void>
  /** Sets aside what a call may use. Throws a `provider-` error when a budget leaves no room. */
  reserve(labels: UsageLabels, expected: Usage): UsageReservation
}

/** Counts every call of `provider`; a budget that leaves no room turns it away before the provider hears of it. */
export class UsageRecorder implements Provider {
  readonly listModels?: NonNullable<Provider['listModels']>
  readonly #provider: Provider
  readonly #labels: Omit<UsageLabels, 'model'>
  readonly #meter: UsageMeter
  readonly #reserveOutputTokens: number

  constructor(provider: Provider, labels: Omit<UsageLabels, 'model'>, meter: UsageMeter, reserveOutputTokens: number) {
    this.#provider = provider
    this.#labels = labels
    this.#meter = meter
    this.#reserveOutputTokens = reserveOutputTokens
    if (provider.listModels !== undefined) this.listModels = provider.listModels.bind(provider)
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): CallStream {
    return callStream((callSignal) => this.#record(request, callSignal), signal)
  }

  async *#record(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<ProviderPart, void, undefined> {
    if (signal.aborted) throw abortedError(signal)
    await orAborted(this.#meter.ready(), signal)
    const inputTokens = estimateRequestTokens(request)
    const outputTokens = request.maxOutputTokens ?? this.#reserveOutputTokens
    const { agent = this.#labels.agent } = request
    const labels = { ...this.#labels, agent: agent.slice(0, 128), model: request.model.slice(0, 128) }
    const reservation = this.#meter.reserve(labels, { ...noUsage, inputTokens, outputTokens })
    const output = new OutputMeter()
    yield* watchCall(this.#provider, request, signal, {
      onPart: (part) => output.add(part),
      onEnd: (ending) => reservation.settle(outcomeOf(ending, output, inputTokens)),
    })
  }
}

/** Services charge for an answer that broke off, and say nothing about it: what was sent and seen is the best guess. */
function outcomeOf(ending: CallEnding, output: OutputMeter, inputTokens: number): CallOutcome {
  if (ending.type === 'finished') return { usage: ending.usage }
  const hasFailed = ending.type === 'failed'
  if (hasFailed && !output.hasOutput) return { usage: noUsage, hasFailed }
  return { usage: output.usage(inputTokens), hasFailed, isEstimated: true }
}
