// The search tool and its services, against local servers that take and refuse what those services take and refuse.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { BeamClawError } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/testkit'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { BraveSearch } from './brave-search.ts'
import type { WebSearchProvider } from './search-provider.ts'
import { SearxngSearch } from './searxng-search.ts'
import { TavilySearch } from './tavily-search.ts'
import { callTool } from './testing/call-tool.ts'
import { bodyOf, type LocalServer, localServer } from './testing/local-server.ts'
import { type WebSearchOptions, webSearchTool } from './web-search.ts'

const running: LocalServer[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

const apiKey = 'tvly-0123456789-secret'
const signal = new AbortController().signal

type Reply = readonly [status: number, body?: unknown, headers?: Readonly<Record<string, string>>]

/** A server that first gives the replies of `before`, then acts as the service. */
async function serve(service: (request: IncomingMessage) => Reply | Promise<Reply>, before: readonly Reply[] = []): Promise<LocalServer> {
  const queue = [...before]
  const server = await localServer(async (request: IncomingMessage, response: ServerResponse) => {
    const [status, body, headers = {}] = queue.shift() ?? (await service(request))
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}))
  })
  running.push(server)
  return server
}

const hits = [
  { title: 'One &amp; <strong>two</strong>', url: 'https://one.example/a?b=1' },
  { title: 'Runs code', url: 'javascript:alert(1)' },
  { title: 'Without URL' },
  null,
  { title: 'Three', url: 'http://three.example/' },
]

interface Service {
  readonly make: (baseUrl: string, clock?: ManualClock, key?: string) => WebSearchProvider
  /** As the service checks requests. */
  readonly serve: (request: IncomingMessage) => Reply | Promise<Reply>
  /** What it returns for a wrong key. */
  readonly refusal: number | undefined
}

const withHits = (field: string): readonly unknown[] => hits.map((hit) => (hit === null ? hit : { ...hit, [field]: 'A  snippet\n here' }))

const services: readonly (readonly [name: string, service: Service])[] = [
  [
    'brave',
    {
      make: (baseUrl, clock, key = apiKey) =>
        new BraveSearch({ apiKey: key, baseUrl: `${baseUrl}/res/v1/`, ...(clock === undefined ? {} : { clock }) }),
      serve: ({ url, headers, method }) => {
        const { pathname, searchParams } = new URL(url ?? '', 'http://x')
        if (method !== 'GET' || pathname !== '/res/v1/web/search') return [404]
        if (headers['x-subscription-token'] !== apiKey) return [422, { error: { code: 'SUBSCRIPTION_TOKEN_INVALID' } }]
        const q = searchParams.get('q') ?? ''
        const count = Number(searchParams.get('count'))
        if (q === '' || q.length > 400 || q.split(' ').length > 50 || count < 1 || count > 20)
          return [422, { error: { code: 'VALIDATION' } }]
        if (q === 'nothing') return [200, { type: 'search', query: { original: q } }]
        return [200, { type: 'search', query: { original: q }, web: { results: withHits('description') } }]
      },
      refusal: 422,
    },
  ],
  [
    'tavily',
    {
      make: (baseUrl, clock, key = apiKey) => new TavilySearch({ apiKey: key, baseUrl, ...(clock === undefined ? {} : { clock }) }),
      serve: async (request) => {
        if (request.method !== 'POST' || request.url !== '/search') return [404]
        if (request.headers.authorization !== `Bearer ${apiKey}`)
          return [401, { detail: { error: 'Unauthorized: missing or invalid API key.' } }]
        const asked: { query?: unknown; max_results?: unknown } = JSON.parse(await bodyOf(request))
        if (typeof asked.query !== 'string' || asked.query.length > 400) return [400, { detail: { error: 'Query is too long.' } }]
        if (typeof asked.max_results !== 'number' || asked.max_results > 20) return [422]
        return [200, { query: asked.query, results: asked.query === 'nothing' ? [] : withHits('content') }]
      },
      refusal: 401,
    },
  ],
  [
    'searxng',
    {
      make: (baseUrl, clock) => new SearxngSearch({ baseUrl, ...(clock === undefined ? {} : { clock }) }),
      serve: ({ url }) => {
        const { pathname, searchParams } = new URL(url ?? '', 'http://x')
        if (pathname !== '/search') return [404]
        if (searchParams.get('format') !== 'json') return [403, 'Forbidden']
        if ((searchParams.get('q') ?? '') === '') return [400]
        return [200, { query: searchParams.get('q'), results: searchParams.get('q') === 'nothing' ? [] : withHits('content') }]
      },
      refusal: undefined,
    },
  ],
]

async function failureOf(promise: Promise<unknown>): Promise<BeamClawError> {
  const error = await promise.then(
    () => expect.unreachable('it did not fail'),
    (thrown: unknown) => thrown,
  )
  return BeamClawError.isInstance(error) ? error : expect.unreachable(String(error))
}

describe.each(services)('%s', (id, { make, serve: service, refusal }) => {
  it('returns the hits that have a URL of the web, as plain text', async () => {
    const { origin } = await serve(service)
    const provider = make(origin)
    expect(provider.id).toBe(id)
    expect(await provider.search('some words', { count: 5, signal })).toEqual([
      { title: 'One & two', url: 'https://one.example/a?b=1', snippet: 'A snippet here' },
      { title: 'Three', url: 'http://three.example/', snippet: 'A snippet here' },
    ])
  })

  it('returns nothing where nothing is found, and takes any query and count', async () => {
    const { origin } = await serve(service)
    expect(await make(origin).search('nothing', { count: 5, signal })).toEqual([])
    const long = `${'wörter & mehr? '.repeat(200)}\ud800`
    expect(await make(origin).search(long, { count: 100, signal })).toHaveLength(2)
  })

  it.runIf(refusal !== undefined)('says that the key is wrong, without showing it', async () => {
    const server = await serve(service)
    const error = await failureOf(make(server.origin, undefined, 'wrong-key-0123').search('x', { count: 1, signal }))
    expect(error).toMatchObject({ code: 'fetch-failed', isRetryable: false, details: { status: refusal } })
    expect(error.message).toContain('key')
    expect(JSON.stringify([error.message, error.details, String(error.cause), error.stack])).not.toContain('wrong-key-0123')
    expect(server.requests).toHaveLength(1)
  })

  it.each<readonly [headers: Readonly<Record<string, string>>, waitMs: number]>([
    [{ 'retry-after': '2' }, 2000],
    [{ 'x-ratelimit-reset': '3, 1419704' }, 3000],
    [{}, 1000],
    [{ 'retry-after': 'soon' }, 1000],
  ])('waits as long as a busy service asks (%j), then asks again', async (headers, waitMs) => {
    const clock = new ManualClock()
    const server = await serve(service, [[429, {}, headers]])
    const searching = make(server.origin, clock).search('x', { count: 5, signal })
    await vi.waitFor(() => expect(clock.nextTimerInMs).toBe(waitMs))
    expect(server.requests).toHaveLength(1)
    await clock.advance(waitMs)
    expect(await searching).toHaveLength(2)
  })

  it('does not wait for long, nor often', async () => {
    const day = await serve(service, [[429, {}, { 'retry-after': '86400' }]])
    expect(await failureOf(make(day.origin).search('x', { count: 5, signal }))).toMatchObject({
      isRetryable: true,
      retryAfterMs: 86_400_000,
      details: { status: 429 },
    })
    const busy = await serve(service, Array(3).fill([429, {}, { 'retry-after': '0' }]))
    expect(await failureOf(make(busy.origin).search('x', { count: 5, signal }))).toMatchObject({ isRetryable: true })
    expect(busy.requests).toHaveLength(3)
  })

  it('ends a wait with the signal', async () => {
    const clock = new ManualClock()
    const controller = new AbortController()
    const { origin } = await serve(service, [[429]])
    const searching = make(origin, clock).search('x', { count: 5, signal: controller.signal })
    await vi.waitFor(() => expect(clock.nextTimerInMs).toBe(1000))
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(searching).rejects.toBe(reason)
    expect(clock.pendingTimers).toBe(0)
  })

  it.each<readonly [reply: Reply, isRetryable: boolean, text: RegExp]>([
    [[500], true, /the service failed/],
    [[503, 'busy'], true, /the service failed/],
    [[400], false, /does not take the request/],
    [[200, '<html>'], false, /did not return JSON/],
    [[200, { results: 'none', web: { results: {} } }], false, /something else than search results/],
    [[200, 'null'], false, /something else than search results/],
  ])('fails in words for %j', async (reply, isRetryable, text) => {
    const { origin } = await serve(service, [reply])
    const error = await failureOf(make(origin).search('x', { count: 5, signal }))
    expect(error).toMatchObject({ code: 'fetch-failed', isRetryable })
    expect(error.message).toMatch(text)
    expect(error.message).not.toContain(apiKey)
  })

  it('follows no redirect', async () => {
    const other = await serve(service)
    const server = await serve(service, [[302, {}, { location: other.origin }]])
    expect(await failureOf(make(server.origin).search('x', { count: 5, signal }))).toMatchObject({ code: 'url-refused' })
    expect(other.requests).toHaveLength(0)
  })
})

it('knows the limits of a plan of Tavily, and an instance of SearXNG without JSON', async () => {
  const tavily = await serve(() => [432])
  expect((await failureOf(new TavilySearch({ apiKey, baseUrl: tavily.origin }).search('x', { count: 1, signal }))).message).toContain(
    'limit of the plan',
  )
  const searxng = await serve(() => [403])
  expect((await failureOf(new SearxngSearch({ baseUrl: searxng.origin }).search('x', { count: 1, signal }))).message).toContain(
    'search.formats',
  )
})

describe('web_search', () => {
  const made = (count: number): WebSearchProvider => ({
    id: 'test',
    search: async () =>
      Array.from({ length: count }, (_value, index) => ({ title: `T${index}`, url: `https://x.example/${index}`, snippet: 'S' })),
  })

  it('lists what was found between markers', async () => {
    const { isError, text } = await callTool(webSearchTool({ provider: made(3), count: 2 }), { query: 'rivers' })
    expect(isError).toBe(false)
    expect(text).toMatch(
      /<untrusted-content id="[\da-f]{16}">\n1\. T0\nhttps:\/\/x\.example\/0\nS\n\n2\. T1\nhttps:\/\/x\.example\/1\nS\n<\/untrusted-content/,
    )
  })

  it('says when there is nothing', async () => {
    expect((await callTool(webSearchTool({ provider: made(0) }), { query: 'rivers' })).text).toContain('no results')
  })

  it.each([
    [{}],
    [{ query: '' }],
    [{ query: '   ' }],
    [{ query: 7 }],
    [{ query: 'x'.repeat(401) }],
    [{ query: 'x', count: 0 }],
    [{ query: 'x', count: 21 }],
    [null],
  ])('refuses %j in words', async (input) => {
    expect(await callTool(webSearchTool({ provider: made(1) }), input)).toMatchObject({
      isError: true,
      text: expect.stringContaining('The input is not valid'),
    })
  })

  it.each<readonly [make: () => unknown, option: string]>([
    [() => webSearchTool({} as WebSearchOptions), 'provider'],
    [() => webSearchTool({ provider: {} } as WebSearchOptions), 'provider'],
    [() => new BraveSearch({ apiKey: '' }), 'apiKey'],
    [() => new BraveSearch({ apiKey: 'with space' }), 'apiKey'],
    [() => new TavilySearch({ apiKey, baseUrl: 'https://user:pass@api.example' }), 'baseUrl'],
    [() => new TavilySearch({ apiKey, depth: 'deep' as 'basic' }), 'depth'],
    [() => new SearxngSearch({ baseUrl: 'searx.example' }), 'baseUrl'],
  ])('refuses options (%#)', (make, option) => {
    expect(make).toThrow(BeamClawError)
    expect(make).toThrow(`option "${option}"`)
  })
})
