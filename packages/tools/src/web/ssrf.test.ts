// The corpus of attacks (testing/ssrf-corpus.json), and a proof that it notices when any rule is gone.
import { readFileSync } from 'node:fs'
import { BeamClawError } from '@beamclaw/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fullPolicy, type PolicyParts } from './address-policy.ts'
import { GuardedFetch } from './guarded-fetch.ts'
import { type PublicWeb, publicWeb, type Scene } from './testing/public-web.ts'

interface Attack extends Scene {
  readonly url: string
  readonly why: string
  readonly body?: string
  readonly allowHosts?: readonly string[]
}

interface Refused extends Attack {
  /** The rule that refuses it. */
  readonly refused: string
}

interface Allowed extends Attack {
  /** Of several addresses, the one to connect to. */
  readonly uses?: string
}

const corpus: { readonly refused: readonly Refused[]; readonly allowed: readonly Allowed[] } = JSON.parse(
  readFileSync(new URL('testing/ssrf-corpus.json', import.meta.url), 'utf8'),
)
const denyHosts = ['denied.example', '*.deny.example', '93.184.216.99']

let web: PublicWeb
beforeAll(async () => {
  web = await publicWeb()
})
afterAll(() => web.close())

interface Outcome {
  readonly rule: string | undefined
  readonly dialed: readonly string[]
  readonly requests: readonly string[]
}

async function attack({ url, body, allowHosts = ['*'], ...scene }: Attack, parts: PolicyParts = fullPolicy): Promise<Outcome> {
  const { resolve, dial, seen } = web.stage(scene)
  const client = new GuardedFetch({ resolve, dial, allowHosts, denyHosts }, parts)
  const method = body === undefined ? 'GET' : 'POST'
  try {
    const { bytes } = await client.fetch({ url, method, ...(body === undefined ? {} : { body }), signal: new AbortController().signal })
    expect(Buffer.from(bytes).toString()).toBe('reached')
    return { rule: undefined, ...seen }
  } catch (error) {
    const rule = BeamClawError.isInstance(error, 'url-refused') ? String(error.details.rule) : `other: ${error}`
    return { rule, ...seen }
  }
}

/** Requests that reach the server before the last redirect is refused. */
const hopsBefore = ({ redirects, refused }: Refused): number =>
  redirects === undefined ? 0 : refused === 'redirect-count' ? 6 : redirects.length

describe('what is refused', () => {
  it('is a corpus of more than a hundred attacks', () => expect(corpus.refused.length).toBeGreaterThan(200))

  it.each(corpus.refused)('$url ($why)', async (one) => {
    const { rule, dialed, requests } = await attack(one)
    expect(rule).toBe(one.refused)
    expect(requests).toHaveLength(hopsBefore(one))
    // A socket that ends elsewhere is seen after it is open; anything else is refused before.
    if (one.connectedTo === undefined) expect(dialed.every((address) => address === '93.184.216.34')).toBe(true)
  })
})

describe('what is allowed', () => {
  it.each(corpus.allowed)('$url ($why)', async (one) => {
    const { rule, dialed, requests } = await attack(one)
    expect(rule).toBeUndefined()
    expect(requests).toHaveLength((one.redirects?.length ?? 0) + 1)
    if (one.uses !== undefined) expect(dialed).toEqual([one.uses])
  })
})

describe('the corpus notices a policy without', () => {
  const changed = async (parts: PolicyParts): Promise<readonly string[]> => {
    const notices: string[] = []
    for (const one of corpus.refused) {
      const [full, less] = [await attack(one), await attack(one, parts)]
      if (JSON.stringify(full) !== JSON.stringify(less)) notices.push(one.url)
    }
    return notices
  }

  it.each(fullPolicy.rules)('the rule $name', async (removed) => {
    expect(await changed({ ...fullPolicy, rules: fullPolicy.rules.filter((rule) => rule !== removed) })).not.toEqual([])
  })

  it.each(fullPolicy.checkpoints)('the check of each %s', async (removed) => {
    expect(await changed({ ...fullPolicy, checkpoints: fullPolicy.checkpoints.filter((point) => point !== removed) })).not.toEqual([])
  })
})

describe('a list of allowed hosts', () => {
  const reach = async (url: string, allowHosts: readonly string[], answers?: readonly string[]): Promise<string | undefined> => {
    const { resolve, dial } = web.stage(answers === undefined ? {} : { answers })
    try {
      await new GuardedFetch({ resolve, dial, allowHosts }).fetch({ url, signal: new AbortController().signal })
      return undefined
    } catch (error) {
      return BeamClawError.isInstance(error, 'url-refused') ? String(error.details.rule) : `other: ${error}`
    }
  }

  it.each<readonly [url: string, allowHosts: readonly string[], answers: readonly string[] | undefined, rule: string | undefined]>([
    ['http://example.com/', ['example.com'], undefined, undefined],
    ['http://EXAMPLE.com./', ['Example.COM'], undefined, undefined],
    ['http://example.org/', ['example.com'], undefined, 'allowed-host'],
    ['http://www.example.com/', ['example.com'], undefined, 'allowed-host'],
    ['http://www.example.com/', ['*.example.com'], undefined, undefined],
    ['http://a.b.example.com/', ['*.example.com'], undefined, undefined],
    ['http://example.com/', ['*.example.com'], undefined, 'allowed-host'],
    ['http://evilexample.com/', ['*.example.com'], undefined, 'allowed-host'],
    ['http://bücher.example/', ['xn--bcher-kva.example'], undefined, undefined],
    ['http://93.184.216.34/', ['example.com'], undefined, 'allowed-host'],
    ['http://93.184.216.34/', ['93.184.216.0/24'], undefined, undefined],
    ['http://10.0.0.1/', ['10.0.0.0/8'], undefined, undefined],
    ['http://10.0.0.1/', ['*'], undefined, 'range'],
    ['http://[::1]/', ['::1'], undefined, undefined],
    ['http://[::ffff:10.0.0.1]/', ['10.0.0.1'], undefined, undefined],
    ['http://[::1]/', ['127.0.0.1'], undefined, 'allowed-host'],
    ['http://wiki.corp.example/', ['wiki.corp.example'], ['10.0.0.5'], 'range'],
    ['http://wiki.corp.example/', ['wiki.corp.example', '10.0.0.0/8'], ['10.0.0.5'], undefined],
    ['http://wiki.corp.example/', ['*.corp.example', '10.0.0.0/8'], ['10.0.0.5'], undefined],
    // A stranger's name must not point at what was allowed for others.
    ['http://stranger.example/', ['*', '10.0.0.0/8'], ['10.0.0.5'], 'range'],
    ['http://stranger.example/', ['*', '127.0.0.1'], ['127.0.0.1'], 'range'],
  ])('lets %s by %j, which is at %j, end in %s', async (url, allowHosts, answers, rule) => {
    expect(await reach(url, allowHosts, answers)).toBe(rule)
  })

  it('never overrules the list of denied hosts', async () => {
    const { resolve, dial } = web.stage({})
    const client = new GuardedFetch({ resolve, dial, allowHosts: ['10.0.0.0/8'], denyHosts: ['10.0.0.1'] })
    const denied = client.fetch({ url: 'http://10.0.0.1/', signal: new AbortController().signal })
    await expect(denied).rejects.toMatchObject({ code: 'url-refused', details: { rule: 'denied-host' } })
  })
})

it('looks a name up once for each connection', async () => {
  const { resolve, dial, seen } = web.stage({})
  await new GuardedFetch({ resolve, dial }).fetch({ url: 'http://example.com/', signal: new AbortController().signal })
  expect(seen.lookups).toBe(1)
})
