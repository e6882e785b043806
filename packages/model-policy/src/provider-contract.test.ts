// Guards and fallbacks around a provider keep the contract of the port, as the provider alone does.
import { BeamClawError, type Provider, type ProviderPart, zeroUsage } from '@beamclaw/core'
import { type ScriptedAnswer, ScriptedProvider } from '@beamclaw/core/testing'
import { type ProviderUnderTest, providerContract, type ServiceBehavior } from '@beamclaw/testkit'
import { describe, it } from 'vitest'
import { FallbackProvider } from './fallback/fallback-provider.ts'
import { guarded } from './guarded.ts'
import { CircuitBreaker } from './guards/circuit-breaker/circuit-breaker.ts'
import { RateLimiter } from './guards/rate-limit/rate-limiter.ts'
import { UsageLedger } from './guards/usage/usage-ledger.ts'

const half: readonly ProviderPart[] = [{ type: 'text-delta', text: 'half of it' }]
const call: ProviderPart = { type: 'tool-call', id: 'call-1', name: 'add', input: { a: 2, b: 3 } }

function answerTo(behavior: ServiceBehavior): ScriptedAnswer {
  switch (behavior.type) {
    case 'text':
      return 'It is five.'
    case 'tool-call':
      return { parts: [call, { type: 'finish', reason: 'tool-calls', usage: zeroUsage }] }
    case 'hang':
      return { parts: half, hang: true }
    case 'fail':
      return { error: new BeamClawError(`provider-${behavior.as}`, 'as arranged') }
    case 'break':
      return { parts: half, error: new BeamClawError('provider-network', 'as arranged') }
    case 'silence':
      return { hang: true }
    case 'say': {
      const { text, inputTokens, outputTokens } = behavior
      const pieces = (text.match(/[\s\S]{1,8}/gu) ?? []).map((piece) => ({ type: 'text-delta', text: piece }) as const)
      return { parts: [...pieces, { type: 'finish', reason: 'stop', usage: { ...zeroUsage, inputTokens, outputTokens } }] }
    }
    case 'cut-off':
      return { parts: [...half, { type: 'finish', reason: 'length', usage: zeroUsage }] }
  }
}

/** What an adapter would keep from its service. */
function isOfServices(name: string, value: unknown): boolean {
  return name === 'providerMetadata' || (value as { readonly type?: unknown } | null)?.type === 'custom'
}

function under(policy: (provider: Provider) => Provider): () => ProviderUnderTest {
  return () => {
    const scripted = new ScriptedProvider()
    return {
      provider: policy(scripted),
      model: 'scripted',
      arrange: (behavior) => void scripted.add(answerTo(behavior)),
      lastRequest: () => {
        const { agent: _, ...sent } = scripted.requests.at(-1) ?? {}
        return scripted.requests.length === 0
          ? undefined
          : JSON.stringify(sent, (name, value) => (isOfServices(name, value) ? undefined : value))
      },
      idle: async () => {
        while (scripted.running > 0) await new Promise((resolve) => setImmediate(resolve))
      },
    }
  }
}

const all = (provider: Provider): Provider =>
  guarded(provider, [
    new UsageLedger().guard({ provider: 'scripted' }),
    new CircuitBreaker({ failureThreshold: 1_000 }),
    new RateLimiter({ maxConcurrent: 1_000 }),
  ])

const runner = { describe, it, deadlineMs: 25_000 }

providerContract('A provider behind every guard', under(all), runner)
providerContract(
  'FallbackProvider',
  under((provider) => new FallbackProvider({ targets: [{ id: 'only', provider: all(provider) }] })),
  runner,
)
