// Every provider of this package against the contract of the port; the two that speak HTTP do so with a real server on this machine.
import type { Clock, Provider } from '@beamclaw/core'
import { type ProviderUnderTest, providerContract, type ServiceBehavior } from '@beamclaw/testkit'
import { type ModelAnswer, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, it } from 'vitest'
import { AnthropicProvider } from './anthropic/anthropic-provider.ts'
import { DemoProvider } from './demo/demo-provider.ts'
import { OpenAiProvider } from './openai/openai-provider.ts'
import type { HttpOptions } from './shared/http-options.ts'

const runner = { describe, it, deadlineMs: 25_000 }

const statuses = { auth: 401, 'rate-limit': 429, server: 500 } as const

const key = 'sk-contract-0123456789'

function answerTo(behavior: ServiceBehavior, finishAtLimit: string): ModelAnswer {
  switch (behavior.type) {
    case 'text':
      return { text: 'It is five, as far as I can tell.' }
    case 'tool-call':
      return { text: 'Let me see.', toolCalls: [{ name: 'add', input: { a: 2, b: 3 } }] }
    case 'hang':
      return { text: 'one two three four', delivery: { stall: 4 } }
    case 'fail':
      return { error: { status: statuses[behavior.as], body: { error: { type: 'refused', message: `Refused the key ${key}.` } } } }
    case 'break':
      return { text: 'one two three four', delivery: { disconnectAfterEvents: 4 } }
    case 'silence':
      return { delivery: { stall: 'headers' } }
    case 'say': {
      const { text, inputTokens, outputTokens } = behavior
      return { text: text.match(/[\s\S]{1,8}/gu) ?? [], usage: { inputTokens, outputTokens } }
    }
    case 'cut-off':
      return { toolCalls: [{ name: 'add', inputText: '{"a": 2, "b"' }], finish: finishAtLimit }
  }
}

function overHttp(makeProvider: (options: HttpOptions) => Provider, finishAtLimit: string) {
  return async (): Promise<ProviderUnderTest> => {
    const server = await startModelServer()
    return {
      provider: makeProvider({ baseUrl: server.baseUrl, apiKey: key }),
      model: 'scripted-1',
      secret: key,
      service: new URL(server.baseUrl).host,
      arrange: (behavior) => server.enqueue(answerTo(behavior, finishAtLimit)),
      lastRequest: () => {
        const last = server.requests.at(-1)
        return last === undefined ? undefined : JSON.stringify([last.headers, last.body])
      },
      idle: () => server.idle(),
      dispose: () => server.stop(),
    }
  }
}

providerContract(
  'OpenAiProvider',
  overHttp((options) => new OpenAiProvider(options), 'length'),
  runner,
)

providerContract(
  'AnthropicProvider',
  overHttp((options) => new AnthropicProvider(options), 'max_tokens'),
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
