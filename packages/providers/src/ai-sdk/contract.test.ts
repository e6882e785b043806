// The provider over real packages of the AI SDK against the contract of the port, with a real server on this machine.
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { type ProviderUnderTest, providerContract, type ServiceBehavior } from '@beamclaw/testkit'
import { type ModelAnswer, startModelServer } from '@beamclaw/testkit/model-server'
import { createOpenAI as createOpenAiV3 } from 'ai-sdk-openai-v3'
import { describe, it } from 'vitest'
import { AiSdkProvider, type AiSdkProviderOptions } from './ai-sdk-provider.ts'

const statuses = { auth: 401, 'rate-limit': 429, server: 500 } as const

const key = 'contract0123456789'

interface Dialect {
  readonly model: (baseURL: string) => AiSdkProviderOptions['model']
  /** Events until some text has come. */
  readonly someText: number
  readonly finishAtLimit: string
}

function answerTo(behavior: ServiceBehavior, { someText, finishAtLimit }: Dialect): ModelAnswer {
  switch (behavior.type) {
    case 'text':
      return { text: 'It is five, as far as I can tell.' }
    case 'tool-call':
      return { text: 'Let me see.', toolCalls: [{ name: 'add', input: { a: 2, b: 3 } }] }
    case 'hang':
      return { text: 'one two three four', delivery: { stall: someText } }
    case 'fail':
      return { error: { status: statuses[behavior.as], body: { error: { type: 'refused', message: `Refused the key ${key}.` } } } }
    case 'break':
      return { text: 'one two three four', delivery: { disconnectAfterEvents: someText } }
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

function overHttp(dialect: Dialect) {
  return async (): Promise<ProviderUnderTest> => {
    const server = await startModelServer()
    return {
      provider: new AiSdkProvider({ model: dialect.model(server.baseUrl), secrets: [key], service: 'own' }),
      service: 'own',
      model: 'scripted-1',
      secret: key,
      arrange: (behavior) => server.enqueue(answerTo(behavior, dialect)),
      lastRequest: () => {
        const last = server.requests.at(-1)
        return last === undefined ? undefined : JSON.stringify([last.headers, last.body])
      },
      idle: () => server.idle(),
      dispose: () => server.stop(),
    }
  }
}

const dialects: Readonly<Record<string, Dialect>> = {
  'openai-compatible': {
    model: (baseURL) => createOpenAICompatible({ name: 'local', baseURL, apiKey: key, includeUsage: true }),
    someText: 4,
    finishAtLimit: 'length',
  },
  'openai.chat': { model: (baseURL) => createOpenAI({ baseURL, apiKey: key }).chat, someText: 4, finishAtLimit: 'length' },
  'openai.responses': { model: (baseURL) => createOpenAI({ baseURL, apiKey: key }), someText: 6, finishAtLimit: 'max_output_tokens' },
  'openai.chat of version 3': {
    model: (baseURL) => createOpenAiV3({ baseURL, apiKey: key }).chat,
    someText: 4,
    finishAtLimit: 'length',
  },
  'openai.responses of version 3': {
    model: (baseURL) => createOpenAiV3({ baseURL, apiKey: key }),
    someText: 6,
    finishAtLimit: 'max_output_tokens',
  },
  anthropic: { model: (baseURL) => createAnthropic({ baseURL, apiKey: key }), someText: 4, finishAtLimit: 'max_tokens' },
}

for (const [name, dialect] of Object.entries(dialects)) {
  providerContract(`AiSdkProvider over ${name}`, overHttp(dialect), { describe, it, deadlineMs: 25_000 })
}
