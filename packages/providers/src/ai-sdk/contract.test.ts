// The provider over real packages of the AI SDK against the contract of the port, with a real server on this machine.
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { providerContract } from '@beamclaw/testkit'
import { createOpenAI as createOpenAiV3 } from 'ai-sdk-openai-v3'
import { describe, it } from 'vitest'
import { contractServer, contractKey as key } from '../testing/contract-server.ts'
import { AiSdkProvider, type AiSdkProviderOptions } from './ai-sdk-provider.ts'

interface Dialect {
  readonly model: (baseURL: string) => AiSdkProviderOptions['model']
  readonly someText: number
  readonly finishAtLimit: string
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

for (const [name, { model, ...dialect }] of Object.entries(dialects)) {
  const service = 'own'
  const provider = (baseUrl: string) => new AiSdkProvider({ model: model(baseUrl), secrets: [key], service })
  providerContract(`AiSdkProvider over ${name}`, contractServer({ ...dialect, service, provider }), { describe, it, deadlineMs: 25_000 })
}
