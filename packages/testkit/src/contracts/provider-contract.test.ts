import { BeamClawError, noUsage, type ProviderPart } from '@beamclaw/core'
import { type ScriptedAnswer, ScriptedProvider } from '@beamclaw/core/testing'
import { describe, it } from 'vitest'
import { faultyProvider } from '../faulty-provider.ts'
import { type ProviderUnderTest, providerContract, type ServiceBehavior } from './provider-contract.ts'

const half: readonly ProviderPart[] = [{ type: 'text-delta', text: 'half of it' }]
const call: ProviderPart = { type: 'tool-call', id: 'call-1', name: 'add', input: { a: 2, b: 3 } }

function answerTo(behavior: ServiceBehavior): ScriptedAnswer {
  switch (behavior.type) {
    case 'text':
      return 'It is five.'
    case 'tool-call':
      return { parts: [call, { type: 'finish', reason: 'tool-calls', usage: noUsage }] }
    case 'hang':
      return { parts: half, hang: true }
    case 'fail':
      return { error: new BeamClawError(`provider-${behavior.as}`, 'as arranged') }
    case 'break':
      return { parts: half, error: new BeamClawError('provider-network', 'as arranged') }
  }
}

function scripted(): ProviderUnderTest {
  const provider = new ScriptedProvider()
  return {
    provider,
    model: 'scripted',
    arrange: (behavior) => {
      provider.add(answerTo(behavior))
    },
    idle: async () => {
      while (provider.running > 0) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

const runner = { describe, it, deadlineMs: 25_000 }

providerContract('ScriptedProvider', scripted, runner)

providerContract(
  'A faulty provider without faults',
  () => {
    const subject = scripted()
    return { ...subject, provider: faultyProvider(subject.provider, () => undefined) }
  },
  runner,
)
