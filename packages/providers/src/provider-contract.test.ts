// Every provider of this package against the contract of the port; the two that speak HTTP do so with a real server on this machine.
import type { Clock } from '@beamclaw/core'
import { type ProviderUnderTest, providerContract } from '@beamclaw/testkit'
import { describe, it } from 'vitest'
import { AnthropicProvider } from './anthropic/anthropic-provider.ts'
import { DemoProvider } from './demo/demo-provider.ts'
import { OpenAiProvider } from './openai/openai-provider.ts'
import { contractKey as apiKey, contractServer } from './testing/contract-server.ts'

const runner = { describe, it, deadlineMs: 25_000 }

providerContract(
  'OpenAiProvider',
  contractServer({ provider: (baseUrl) => new OpenAiProvider({ baseUrl, apiKey }), someText: 4, finishAtLimit: 'length' }),
  runner,
)

providerContract(
  'AnthropicProvider',
  contractServer({ provider: (baseUrl) => new AnthropicProvider({ baseUrl, apiKey }), someText: 4, finishAtLimit: 'max_tokens' }),
  runner,
)

function demo(): ProviderUnderTest {
  let words = Number.POSITIVE_INFINITY
  // Time stands still after the first word of an answer that is to hang.
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    yieldTo: (callback) => void setImmediate(callback),
    setTimer: (callback) => {
      const timer = words-- > 0 ? setImmediate(callback) : undefined
      return { cancel: () => clearImmediate(timer) }
    },
  }
  return {
    provider: new DemoProvider({ delayMs: 1, clock }),
    model: 'demo-1',
    arrange: ({ type }) => {
      words = type === 'hang' ? 1 : Number.POSITIVE_INFINITY
    },
  }
}

const noService = 'it runs in this process, with no service behind it that could fail or be scripted'

providerContract('DemoProvider', demo, {
  ...runner,
  skip: {
    failures: noService,
    exact: noService,
    requests: noService,
    limits: noService,
    silence: noService,
  },
})
