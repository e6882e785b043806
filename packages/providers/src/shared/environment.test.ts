import { BeamClawError, type Provider } from '@beamclaw/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { AnthropicProvider } from '../anthropic/anthropic-provider.ts'
import { OpenAiProvider } from '../openai/openai-provider.ts'
import type { HttpOptions } from './http-options.ts'

const secret = 'sk-of-the-environment-0123456789'
const signal = new AbortController().signal

async function all(parts: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of parts);
}

interface Sent {
  readonly url: string
  readonly key: string | null
}

/** Asks the provider, and resolves with the address that it asked and the key that it sent. */
async function sentBy(make: (options: HttpOptions) => Provider, options: HttpOptions): Promise<Sent> {
  let sent: Sent | undefined
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers)
    sent = { url, key: headers.get('authorization')?.replace('Bearer ', '') ?? headers.get('x-api-key') }
    throw new Error('Nobody is asked.')
  }
  const parts = make({ fetch, ...options }).doStream({ model: 'any', messages: [{ role: 'user', content: 'hi' }] }, { signal })
  await expect(all(parts)).rejects.toMatchObject({ code: 'provider-network' })
  if (sent === undefined) throw new Error('It sent nothing')
  return sent
}

afterEach(() => vi.unstubAllEnvs())

describe.each([
  [
    'OpenAiProvider',
    'OPENAI',
    (options?: HttpOptions): Provider => new OpenAiProvider(options),
    'https://api.openai.com',
    { atOwn: '/responses', elsewhere: '/chat/completions' },
  ],
  [
    'AnthropicProvider',
    'ANTHROPIC',
    (options?: HttpOptions): Provider => new AnthropicProvider(options),
    'https://api.anthropic.com',
    { atOwn: '/messages', elsewhere: '/messages' },
  ],
] as const)('%s', (name, prefix, make, own, { atOwn, elsewhere }) => {
  const keyName = `${prefix}_API_KEY`
  const urlName = `${prefix}_BASE_URL`

  it('reads its key from the environment for its own service', async () => {
    vi.stubEnv(keyName, ` ${secret}\n`)
    vi.stubEnv(urlName, '')
    expect(await sentBy(make, {})).toEqual({ url: `${own}/v1${atOwn}`, key: secret })
    expect(await sentBy(make, { baseUrl: `${own}/v1` })).toEqual({ url: `${own}/v1${atOwn}`, key: secret })
  })

  it('reads address and key from the environment together', async () => {
    vi.stubEnv(keyName, secret)
    vi.stubEnv(urlName, 'http://127.0.0.1:9/v1/')
    expect(await sentBy(make, {})).toEqual({ url: `http://127.0.0.1:9/v1${elsewhere}`, key: secret })
  })

  it.each(['https://elsewhere.example/v1', own.replace('https:', 'http:'), `${own}:8443/v1`, `${own}.elsewhere.example/v1`])(
    'sends no key of the environment to %s when the options name that address',
    async (baseUrl) => {
      vi.stubEnv(keyName, secret)
      vi.stubEnv(urlName, undefined)
      expect((await sentBy(make, { baseUrl })).key).toBeNull()
      vi.stubEnv(urlName, 'http://127.0.0.1:9/v1')
      expect((await sentBy(make, { baseUrl })).key).toBeNull()
      vi.stubEnv(urlName, baseUrl)
      expect((await sentBy(make, { baseUrl })).key).toBeNull()
      expect((await sentBy(make, { baseUrl, apiKey: 'sk-given' })).key).toBe('sk-given')
    },
  )

  it('prefers its options to the environment', async () => {
    vi.stubEnv(keyName, secret)
    vi.stubEnv(urlName, 'http://127.0.0.1:9/v1')
    expect(await sentBy(make, { apiKey: 'sk-given' })).toEqual({ url: `http://127.0.0.1:9/v1${elsewhere}`, key: 'sk-given' })
    expect(await sentBy(make, { baseUrl: `${own}/v1`, apiKey: 'sk-given' })).toEqual({ url: `${own}/v1${atOwn}`, key: 'sk-given' })
  })

  it('without a key is refused for its own service, which would refuse each call', () => {
    vi.stubEnv(keyName, '  ')
    vi.stubEnv(urlName, undefined)
    for (const options of [undefined, {}, { baseUrl: `${own}/v1` }, { environment: { [urlName]: own } }]) {
      let error: unknown
      try {
        make(options)
      } catch (thrown) {
        error = thrown
      }
      if (!BeamClawError.isInstance(error, 'invalid-option')) throw new Error(`${name} took ${JSON.stringify(options)}`)
      expect(error.message).toMatch(new RegExp(`^${name}: option "apiKey" is required: the key of ${own}\\. .*variable ${keyName}`))
      expect(error.details).toMatchObject({ owner: name, option: 'apiKey', variable: keyName })
    }
  })

  it('without a key serves another address, and its own with credentials in its headers', async () => {
    vi.stubEnv(keyName, undefined)
    vi.stubEnv(urlName, undefined)
    expect((await sentBy(make, { baseUrl: 'http://127.0.0.1:9/v1' })).key).toBeNull()
    expect((await sentBy(make, { environment: { [urlName]: 'http://127.0.0.1:9/v1' } })).key).toBeNull()
    expect((await sentBy(make, { headers: { Authorization: 'Bearer of-a-login' } })).key).toBe('of-a-login')
  })

  it.each([keyName, urlName])('refuses an environment whose %s is no text, or cannot be read', (variable) => {
    const thrower = {
      get: () => {
        throw new Error('read')
      },
    }
    const environments = [{ [variable]: 5 }, { [variable]: null }, Object.defineProperty({}, variable, thrower), new Proxy({}, thrower)]
    for (const environment of environments) {
      let error: unknown
      try {
        make({ environment: environment as never })
      } catch (thrown) {
        error = thrown
      }
      if (!BeamClawError.isInstance(error, 'invalid-option')) throw new Error(`${name} threw ${String(error)}`)
      expect(error.message).toMatch(/environment/)
    }
  })

  it('reads the given environment in place of that of the process', async () => {
    vi.stubEnv(keyName, secret)
    vi.stubEnv(urlName, 'http://127.0.0.1:9/v1')
    expect(() => make({ environment: {} })).toThrow('option "apiKey" is required')
    expect((await sentBy(make, { environment: { [keyName]: 'sk-of-the-host' } })).key).toBe('sk-of-the-host')
  })

  it('reads the environment when it is made, and not later', async () => {
    vi.stubEnv(keyName, secret)
    vi.stubEnv(urlName, undefined)
    const later = (options: HttpOptions): Provider => {
      const provider = make(options)
      vi.stubEnv(keyName, 'sk-of-later')
      return provider
    }
    expect((await sentBy(later, {})).key).toBe(secret)
  })

  it('works where there is no process', async () => {
    vi.stubGlobal('process', undefined)
    try {
      expect(await sentBy(make, { apiKey: secret })).toEqual({ url: `${own}/v1${atOwn}`, key: secret })
      expect(() => make()).toThrow('option "apiKey" is required')
    } finally {
      vi.unstubAllGlobals()
    }
  })

  it.each([
    [keyName, `${secret} and more`],
    [urlName, `https://me:${secret}@example.com/v1`],
    [urlName, 'nonsense'],
  ])('refuses %s without showing it', (variable, value) => {
    vi.stubEnv(variable, value)
    let error: unknown
    try {
      make()
    } catch (thrown) {
      error = thrown
    }
    if (!BeamClawError.isInstance(error, 'invalid-option')) throw new Error(`${name} took ${variable}`)
    expect(error.message).toContain(`environment variable ${variable}`)
    expect(error.message + JSON.stringify(error.details)).not.toContain(secret)
  })

  it('shows no key of the environment in an error', async () => {
    // The pattern of common keys must not be what hides it.
    const plain = 'a1b2c3d4e5f6'
    const provider = make({
      environment: { [keyName]: plain },
      fetch: async () => Response.json({ error: { message: `Bad key ${plain}` } }, { status: 401 }),
    })
    const parts = provider.doStream({ model: 'any', messages: [{ role: 'user', content: 'hi' }] }, { signal })
    const error: unknown = await all(parts).catch((thrown: unknown) => thrown)
    expect(String(error)).toMatch(/Bad key \[redacted\]/)
  })
})

it('AnthropicProvider adds /v1 to the address of the environment, as Anthropic’s own clients do', async () => {
  const anthropic = (options: HttpOptions): Provider => new AnthropicProvider(options)
  const urlWith = async (baseUrl: string) => (await sentBy(anthropic, { apiKey: secret, environment: { ANTHROPIC_BASE_URL: baseUrl } })).url
  expect(await urlWith('https://api.anthropic.com')).toBe('https://api.anthropic.com/v1/messages')
  expect(await urlWith('https://proxy.example/anthropic/')).toBe('https://proxy.example/anthropic/v1/messages')
  expect(await urlWith('https://proxy.example/anthropic/v1')).toBe('https://proxy.example/anthropic/v1/messages')
})
