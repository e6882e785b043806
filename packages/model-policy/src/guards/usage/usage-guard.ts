/** The guard that counts calls in a ledger. */
import { type ModelPrice, type Usage, zeroUsage } from '@beamclaw/core'
import { abortedError, estimateRequestTokens } from '@beamclaw/core/adapter'
import type { CallEnding, ModelGuard } from '../../model-guard.ts'
import { OutputMeter } from '../../output-meter.ts'
import { toldPrice } from './price-table.ts'
import type { UsageLabels } from './usage-rows.ts'

/** The outcome of a call that ended. */
export interface CallOutcome {
  readonly usage: Usage
  /** Whether the call ended with an error of the provider. @default false */
  readonly hasFailed?: boolean
  /** Whether the tokens are estimated. @default false */
  readonly isEstimated?: boolean
}

/** The reservation for one call. Only the first call of either method counts. */
export interface UsageReservation {
  /** Called when the call has ended: counts it and releases the reservation. */
  settle(outcome: CallOutcome): void
  /** Called when the call was never made: releases the reservation and counts nothing. */
  release(): void
}

/** The side of a ledger that its guards need. */
export interface UsageMeter {
  /** Resolves when the amounts spent before are known. Rejects with a `provider-*` error. */
  ready(): Promise<void>
  /** Reserves what a call may use. `price` counts where the meter has none. Throws a `provider-*` error when a budget has no room. */
  reserve(labels: UsageLabels, expected: Usage, price: ModelPrice | undefined): UsageReservation
}

/** Returns a guard that counts every call, and refuses one for which a budget has no room. */
export function usageGuard(meter: UsageMeter, defaults: Omit<UsageLabels, 'model'>, reserveOutputTokens: number): ModelGuard {
  return {
    async enter(request, { signal, modelFacts }) {
      await meter.ready()
      // No reservation for a call that was abandoned meanwhile.
      if (signal.aborted) throw abortedError(signal)
      const inputTokens = estimateRequestTokens(request)
      const { agent = defaults.agent, tenant = defaults.tenant, model, maxOutputTokens: outputTokens = reserveOutputTokens } = request
      const labels = { ...defaults, agent: agent.slice(0, 128), tenant: tenant.slice(0, 128), model: model.slice(0, 128) }
      const reservation = meter.reserve(labels, { ...zeroUsage, inputTokens, outputTokens }, toldPrice(modelFacts, model))
      const output = new OutputMeter()
      return {
        onPart: (part) => output.add(part),
        onEnd: (ending) => {
          if (wasRefused(ending)) reservation.release()
          else reservation.settle(outcomeOf(ending, output, inputTokens))
        },
      }
    },
  }
}

/** True for a call that another guard refused: it never reached the service. */
function wasRefused(ending: CallEnding): boolean {
  return ending.type === 'failed' && ending.error.details.refusedBy !== undefined
}

/** Returns the outcome. Services charge for an interrupted answer without reporting its usage, so what was sent and received is the estimate. */
function outcomeOf(ending: CallEnding, output: OutputMeter, inputTokens: number): CallOutcome {
  if (ending.type === 'finished') return { usage: ending.usage }
  const hasFailed = ending.type === 'failed'
  if (hasFailed && !output.hasOutput) return { usage: zeroUsage, hasFailed }
  return { usage: output.usage(inputTokens), hasFailed, isEstimated: true }
}
