/** The guard that counts calls in a ledger. */
import { type Usage, zeroUsage } from '@beamclaw/core'
import { abortedError, estimateRequestTokens } from '@beamclaw/core/adapter'
import type { CallEnding, ModelGuard } from '../../model-guard.ts'
import { OutputMeter } from '../../output-meter.ts'
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

/** The side of a ledger that its guards need. */
export interface UsageMeter {
  /** Resolves when what was spent before is known. Rejects with a `provider-*` error. */
  ready(): Promise<void>
  /** Sets aside what a call may use. Throws a `provider-*` error when a budget leaves no room. */
  reserve(labels: UsageLabels, expected: Usage): UsageReservation
}

/** Returns a guard that counts every call; a budget that leaves no room refuses it. */
export function usageGuard(meter: UsageMeter, defaults: Omit<UsageLabels, 'model'>, reserveOutputTokens: number): ModelGuard {
  return {
    async enter(request, { signal }) {
      await meter.ready()
      // Nothing is set aside for a call that was given up meanwhile.
      if (signal.aborted) throw abortedError(signal)
      const inputTokens = estimateRequestTokens(request)
      const { agent = defaults.agent, model, maxOutputTokens: outputTokens = reserveOutputTokens } = request
      const labels = { ...defaults, agent: agent.slice(0, 128), model: model.slice(0, 128) }
      const reservation = meter.reserve(labels, { ...zeroUsage, inputTokens, outputTokens })
      const output = new OutputMeter()
      return {
        onPart: (part) => output.add(part),
        onEnd: (ending) => reservation.settle(outcomeOf(ending, output, inputTokens)),
      }
    },
  }
}

/** Services charge for an answer that broke off, and say nothing about it: what was sent and seen is the best guess. */
function outcomeOf(ending: CallEnding, output: OutputMeter, inputTokens: number): CallOutcome {
  if (ending.type === 'finished') return { usage: ending.usage }
  const hasFailed = ending.type === 'failed'
  if (hasFailed && !output.hasOutput) return { usage: zeroUsage, hasFailed }
  return { usage: output.usage(inputTokens), hasFailed, isEstimated: true }
}
