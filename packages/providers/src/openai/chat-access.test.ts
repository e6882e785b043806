import { describe, expect, it } from 'vitest'
import { type ChatAccess, chatAccessOf } from './chat-access.ts'
import { type ChatDialectName, chatDialectNames } from './dialects/dialect.ts'
import { dialects } from './dialects/dialect-table.ts'
import { OpenAiChatProvider } from './openai-chat-provider.ts'
import type { OpenAiChatProviderOptions } from './openai-options.ts'
import { OpenAiProvider } from './openai-provider.ts'

const access = (options: OpenAiChatProviderOptions): ChatAccess => chatAccessOf('Test', { environment: {}, ...options })

const apiKey = 'sk-access-0123456789'

describe('the dialect of an address', () => {
  it.each<[string, ChatDialectName]>([
    ['https://api.openai.com/v1', 'openai'],
    ['https://me.openai.azure.com/openai/v1', 'azure'],
    ['https://me.services.ai.azure.com/openai/v1', 'azure'],
    ['https://openrouter.ai/api/v1', 'openrouter'],
    ['https://api.deepseek.com', 'deepseek'],
    ['https://api.moonshot.cn/v1', 'kimi'],
    ['https://generativelanguage.googleapis.com/v1beta/openai', 'gemini'],
    ['https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/l/endpoints/openapi', 'gemini'],
    ['https://api.x.ai/v1', 'xai'],
    ['https://api.mistral.ai/v1', 'mistral'],
    ['https://api.groq.com/openai/v1', 'groq'],
    ['https://ollama.com/v1', 'ollama'],
    ['http://localhost:11434/v1', 'ollama'],
    ['http://127.0.0.1:1234/v1', 'lmstudio'],
    ['http://127.0.0.1:8000/v1', 'generic'],
    ['https://example.com/api.deepseek.com', 'generic'],
    ['https://api.deepseek.com.example.com/v1', 'generic'],
    ['https://evil-openai.azure.com.example.com/v1', 'generic'],
  ])('%s is %s', (baseUrl, name) => {
    expect(access({ baseUrl, apiKey }).dialect.name).toBe(name)
    expect(access({ apiKey, environment: { OPENAI_BASE_URL: baseUrl } }).dialect.name).toBe(name)
  })

  it('is what the option says, whatever the address', () => {
    const { dialect, baseUrl, service } = access({ dialect: 'deepseek', baseUrl: 'https://proxy.example.com/v1', apiKey })
    expect([dialect.name, baseUrl, service]).toEqual(['deepseek', 'https://proxy.example.com/v1', 'proxy.example.com'])
  })
})

describe('a dialect alone', () => {
  const services = chatDialectNames.filter((name) => dialects[name].ownOrigin !== undefined && name !== 'ollama')

  it.each(services)('%s is its service, with the key of its variable', (dialect) => {
    const variable = `${dialects[dialect].variables}_API_KEY`
    const found = access({ dialect, environment: { [variable]: apiKey } })
    expect(new URL(found.baseUrl).origin).toBe(dialects[dialect].ownOrigin)
    expect(found).toMatchObject({ apiKey, service: dialect, name: dialects[dialect].title, headers: { authorization: `Bearer ${apiKey}` } })
    expect(() => access({ dialect })).toThrow(`option "apiKey" is required: the key of ${dialects[dialect].ownOrigin}`)
    expect(() => access({ dialect })).toThrow(variable)
  })

  it.each(services)('%s sends no key of the environment to another address of the options', (dialect) => {
    const environment = { [`${dialects[dialect].variables}_API_KEY`]: apiKey }
    for (const baseUrl of ['https://proxy.example.com/v1', `${dialects[dialect].ownOrigin}:8443/v1`]) {
      const found = access({ dialect, baseUrl, environment })
      expect(found.apiKey).toBeUndefined()
      expect(JSON.stringify(found.headers)).not.toContain(apiKey)
    }
    const named = access({
      dialect,
      environment: { ...environment, [`${dialects[dialect].variables}_BASE_URL`]: 'https://proxy.example.com/v1' },
    })
    expect(named).toMatchObject({ apiKey, baseUrl: 'https://proxy.example.com/v1' })
  })

  it('never takes the key of one service for another', () => {
    const environment = Object.fromEntries(services.map((name) => [`${dialects[name].variables}_API_KEY`, `sk-of-${name}-0123456789`]))
    for (const dialect of services) expect(access({ dialect, environment }).apiKey).toBe(`sk-of-${dialect}-0123456789`)
    expect(access({ baseUrl: 'https://api.deepseek.com', environment }).apiKey).toBe('sk-of-deepseek-0123456789')
    expect(access({ baseUrl: 'https://api.example.com', environment }).apiKey).toBeUndefined()
  })

  it.each([
    ['ollama', 'http://127.0.0.1:11434/v1'],
    ['vllm', 'http://127.0.0.1:8000/v1'],
    ['lmstudio', 'http://127.0.0.1:1234/v1'],
    ['llama-cpp', 'http://127.0.0.1:8080/v1'],
  ] as const)('%s is a server on this machine, without a key', (dialect, baseUrl) => {
    const environment = { OPENAI_API_KEY: apiKey, OLLAMA_API_KEY: apiKey, VLLM_API_KEY: apiKey }
    expect(access({ dialect, environment })).toMatchObject({
      baseUrl,
      apiKey: undefined,
      headers: {},
      name: `The model server ${new URL(baseUrl).host}`,
    })
  })

  it('azure wants the address of a resource, and shows its key in a header of its own', () => {
    expect(() => access({ dialect: 'azure', apiKey })).toThrow('option "baseUrl" is required for the dialect "azure"')
    const { baseUrl, headers, service } = access({ baseUrl: 'https://me.openai.azure.com', apiKey })
    expect([baseUrl, headers, service]).toEqual(['https://me.openai.azure.com/openai/v1', { 'api-key': apiKey }, 'me.openai.azure.com'])
    const dated = access({ baseUrl: 'https://me.openai.azure.com/openai/deployments/d?api-version=2024-12-01-preview', apiKey })
    expect(dated.baseUrl).toBe('https://me.openai.azure.com/openai/deployments/d?api-version=2024-12-01-preview')
    const token = access({ baseUrl: 'https://me.openai.azure.com', headers: { Authorization: 'Bearer of-entra' } })
    expect(token.headers).toEqual({ authorization: 'Bearer of-entra' })
  })

  it('ollama in the cloud wants a key', () => {
    expect(() => access({ baseUrl: 'https://ollama.com/v1' })).toThrow('OLLAMA_API_KEY')
    expect(access({ baseUrl: 'https://ollama.com/v1', environment: { OLLAMA_API_KEY: apiKey } })).toMatchObject({
      apiKey,
      service: 'ollama',
    })
  })
})

it('both providers name themselves in errors about options, and know no others', () => {
  const wrong = { dialect: 'none' } as never
  expect(() => new OpenAiProvider(wrong)).toThrow('OpenAiProvider: option "dialect"')
  expect(() => new OpenAiChatProvider(wrong)).toThrow('OpenAiChatProvider: option "dialect"')
  expect(() => new OpenAiProvider({ dialect: 'deepseek', environment: {} })).toThrow('OpenAiProvider: option "apiKey" is required')
  expect(() => new OpenAiChatProvider({ dialect: 'deepseek', environment: {} })).toThrow('OpenAiChatProvider: option "apiKey" is required')
  expect(() => new OpenAiProvider({ api: 'none' } as never)).toThrow('OpenAiProvider: option "api"')
})
