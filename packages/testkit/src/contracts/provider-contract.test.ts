import { BeamClawError, type ProviderPart, zeroUsage } from '@beamclaw/core'
import { type ScriptedAnswer, ScriptedProvider } from '@beamclaw/core/testing'
import { describe, it } from 'vitest'
import { faultyProvider } from '../faulty-provider.ts'
import { providerContract } from './provider-contract.ts'
import type { ProviderUnderTest, ServiceBehavior } from './provider-fixtures.ts'
import { metadataMistakes } from './testing/metadata-mistakes.ts'
import { MistakenProvider, type ProviderMistake } from './testing/mistaken-provider.ts'
import { expectCaught } from './testing/planted-mistakes.ts'
import { providerMistakes } from './testing/provider-mistakes.ts'

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
      const pieces = text.match(/[\s\S]{1,8}/gu) ?? []
      const finish = { type: 'finish', reason: 'stop', usage: { ...zeroUsage, inputTokens, outputTokens } } as const
      return { parts: [...pieces.map((piece) => ({ type: 'text-delta', text: piece }) as const), finish] }
    }
    case 'cut-off':
      return { parts: [...half, { type: 'finish', reason: 'length', usage: zeroUsage }] }
  }
}

function isOfServices(name: string, value: unknown): boolean {
  return name === 'providerMetadata' || (value as { readonly type?: unknown } | null)?.type === 'custom'
}

function scripted(): ProviderUnderTest {
  const provider = new ScriptedProvider()
  return {
    provider,
    model: 'scripted',
    arrange: (behavior) => {
      provider.add(answerTo(behavior))
    },
    lastRequest: () => {
      // The script stands for the service: it is not told of the agent, of what services made, nor of calls that were aborted before they began.
      const last = provider.calls.findLast(({ status }) => status !== 'aborted')
      const { agent: _, ...sent } = last?.request ?? {}
      return last === undefined ? undefined : JSON.stringify(sent, (name, value) => (isOfServices(name, value) ? undefined : value))
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

const mistakes: Readonly<Record<string, ProviderMistake>> = { ...providerMistakes, ...metadataMistakes }

describe('the Provider contract', () => {
  expectCaught(Object.fromEntries(Object.entries(mistakes).map(([flaw, { caughtBy }]) => [flaw, caughtBy])), (flaw, options) =>
    providerContract('A provider', () => new MistakenProvider(flaw === undefined ? undefined : mistakes[flaw]?.rules).subject(), options),
  )
})
