/** Which of OpenAI's protocols is spoken: by the address, or as the options say. */
import type { JsonObject, ProviderPart, ProviderWarning } from '@beamclaw/core'
import { startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, it } from 'vitest'
import type { OpenAiProviderOptions } from './openai-options.ts'
import { OpenAiProvider } from './openai-provider.ts'

const signal = new AbortController().signal
const apiKey = 'sk-protocol-0123456789'
const chat = '/chat/completions'
const responses = '/responses'

interface Sent {
  readonly url: string
  readonly headers: Headers
  readonly body: JsonObject
}

/** Sends one request, and returns what left. */
async function sent(options: OpenAiProviderOptions): Promise<Sent> {
  let seen: Sent | undefined
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    seen = { url, headers: new Headers(init.headers), body: JSON.parse(String(init.body)) }
    throw new Error('Nobody is asked.')
  }
  const provider = new OpenAiProvider({ fetch, environment: {}, ...options })
  await expect(
    all(provider.doStream({ model: 'gpt-5.6', messages: [{ role: 'user', content: 'hi' }], thinking: 'low' }, { signal })),
  ).rejects.toThrow()
  if (seen === undefined) throw new Error('It sent nothing')
  return seen
}

async function all(stream: AsyncIterable<ProviderPart>): Promise<ProviderPart[]> {
  const parts: ProviderPart[] = []
  for await (const part of stream) parts.push(part)
  return parts
}

describe('the protocol', () => {
  it.each<[string, OpenAiProviderOptions, string]>([
    ['that of the Responses API at OpenAI', { apiKey }, `https://api.openai.com/v1${responses}`],
    [
      'the same where the address is written out',
      { apiKey, baseUrl: 'https://api.openai.com/v1/' },
      `https://api.openai.com/v1${responses}`,
    ],
    ['Chat Completions at OpenAI when it is asked for', { apiKey, api: 'chat' }, `https://api.openai.com/v1${chat}`],
    ['Chat Completions at other servers', { baseUrl: 'http://127.0.0.1:9/v1' }, `http://127.0.0.1:9/v1${chat}`],
    ['Chat Completions of other dialects', { apiKey, dialect: 'deepseek' }, `https://api.deepseek.com${chat}`],
    ['what is asked for at other servers', { api: 'responses', baseUrl: 'http://127.0.0.1:9/v1' }, `http://127.0.0.1:9/v1${responses}`],
    ['what is asked for of other services', { apiKey, api: 'responses', dialect: 'xai' }, `https://api.x.ai/v1${responses}`],
    [
      'Chat Completions at an address of the environment',
      { environment: { OPENAI_API_KEY: apiKey, OPENAI_BASE_URL: 'https://proxy.example/v1' } },
      `https://proxy.example/v1${chat}`,
    ],
  ])('is %s', async (_, options, url) => {
    const seen = await sent(options)
    expect(seen.url).toBe(url)
    expect(seen.headers.get('authorization')).toBe(options.baseUrl?.startsWith('http:') === true ? null : `Bearer ${apiKey}`)
  })

  it('of Azure takes its key in the header that Azure has', async () => {
    const seen = await sent({ api: 'responses', apiKey, baseUrl: 'https://me.openai.azure.com' })
    expect(seen.url).toBe(`https://me.openai.azure.com/openai/v1${responses}`)
    expect([seen.headers.get('api-key'), seen.headers.get('authorization')]).toEqual([apiKey, null])
  })

  it('gets the options of both, and those of its own', async () => {
    const options = {
      apiKey,
      reasoningSummary: 'auto',
      promptCacheKey: 'mine',
      extraBody: { user: 'me', truncation: 'auto', store: true },
      headers: { 'x-team': 'a' },
    } as const
    const { body, headers } = await sent(options)
    expect(body).toMatchObject({ reasoning: { summary: 'auto' }, prompt_cache_key: 'mine', user: 'me', truncation: 'auto', store: true })
    expect(headers.get('x-team')).toBe('a')
  })

  it.each<[OpenAiProviderOptions, string]>([
    [{ splitThink: true }, 'option "splitThink" is for { api: \'chat\' } only. This address has "responses" by default.'],
    [{ api: 'responses', includeUsage: false }, 'option "includeUsage" is for { api: \'chat\' } only.'],
    [{ api: 'chat', reasoningSummary: 'auto' }, 'option "reasoningSummary" is for { api: \'responses\' } only.'],
    [
      { baseUrl: 'http://127.0.0.1:9/v1', promptCacheKey: 'mine' },
      'option "promptCacheKey" is for { api: \'responses\' } only. This address has "chat" by default.',
    ],
  ])('refuses an option of the other one: %j', (options, message) => {
    expect(() => new OpenAiProvider({ apiKey, ...options })).toThrow(`OpenAiProvider: ${message}`)
  })

  it('decides whether tokens can be counted', async () => {
    const asked: string[] = []
    const fetch = async (url: string): Promise<Response> => {
      asked.push(url)
      return Response.json({ input_tokens: 7 })
    }
    const request = { model: 'gpt-5.6', messages: [{ role: 'user', content: 'hi' }] } as const
    expect(await new OpenAiProvider({ apiKey, fetch }).countTokens?.(request, { signal })).toBe(7)
    expect(asked).toEqual([`https://api.openai.com/v1${responses}/input_tokens`])
    expect(new OpenAiProvider({ apiKey, api: 'chat' }).countTokens).toBeUndefined()
  })

  it('has the words of its errors, with the address and without the key', async () => {
    await using server = await startModelServer({
      answers: [{ error: { status: 401, body: { error: { message: `Incorrect API key ${apiKey}` } } } }],
    })
    const provider = new OpenAiProvider({ baseUrl: server.baseUrl, api: 'responses', apiKey })
    const error: Error = await all(provider.doStream({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }, { signal })).then(
      () => new Error('no error'),
      (thrown) => thrown,
    )
    expect(error).toMatchObject({ code: 'provider-auth', message: expect.stringContaining(new URL(server.url).host) })
    expect(JSON.stringify([error.message, error])).not.toContain(apiKey)
  })

  it('names the variable that a refused key is from', async () => {
    await using server = await startModelServer({ answers: [{ error: { status: 401 } }] })
    const provider = new OpenAiProvider({ api: 'responses', environment: { OPENAI_API_KEY: apiKey, OPENAI_BASE_URL: server.baseUrl } })
    const asked = all(provider.doStream({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }, { signal }))
    await expect(asked).rejects.toThrow('environment variable OPENAI_API_KEY')
  })

  it('keeps quiet about a model that always thinks, of which nobody asked that it does not', async () => {
    await using server = await startModelServer({ answers: ['one', 'two'] })
    const provider = new OpenAiProvider({ baseUrl: server.baseUrl, api: 'responses' })
    const ask = async (thinking?: 'off'): Promise<readonly ProviderWarning[]> => {
      const request = {
        model: 'gpt-5',
        messages: [{ role: 'user', content: 'hi' }],
        ...(thinking === undefined ? {} : { thinking }),
      } as const
      return (await all(provider.doStream(request, { signal }))).filter((part) => part.type === 'warning')
    }
    expect(await ask()).toEqual([])
    expect(await ask('off')).toMatchObject([{ setting: 'thinking' }])
  })
})
