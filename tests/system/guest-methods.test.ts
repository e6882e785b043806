// A feature that is its own package brings methods, scopes and events to the gateway: only the entries of packages are used.
import { BeamClaw, BeamClawError, defineAgent, defineErrors, type Logger, type RunningBeamClaw, silentLogger } from '@beamclaw/core'
import { Gateway, type GatewayOptions, type ImplementedMethods, implementMethods, type Publish } from '@beamclaw/gateway-ws'
import { RawClient } from '@beamclaw/gateway-ws/testing'
import { defineMethods, type ParamsOf, type PayloadOf, type ResultOf } from '@beamclaw/protocol'
import { DemoProvider } from '@beamclaw/providers/demo'
import { describe, expect, expectTypeOf, test } from 'vitest'
import * as z from 'zod'

const job = z.strictObject({ id: z.string().min(1), state: z.enum(['running', 'done']) })

const jobMethods = defineMethods(
  {
    'jobs.list': { scope: 'operator.read', params: z.strictObject({ limit: z.int().min(1).optional() }), result: z.array(job) },
    'jobs.cancel': { scope: 'operator.jobs', params: z.strictObject({ id: z.string() }), result: z.strictObject({ ok: z.boolean() }) },
    'jobs.run': {
      scope: 'operator.jobs',
      params: z.strictObject({ id: z.string() }),
      accepted: z.strictObject({ status: z.literal('accepted') }),
      result: job,
    },
  },
  {
    scopes: { 'operator.jobs': { impliedBy: ['operator.write'] }, 'operator.jobs.secrets': {} },
    events: {
      'jobs.changed': { scope: 'operator.jobs', payload: job },
      'jobs.secret': { scope: 'operator.jobs.secrets', payload: z.strictObject({ text: z.string() }) },
    },
  },
)

const jobError = defineErrors({ 'job-unknown': { kind: 'missing' }, 'jobs-busy': { kind: 'limited', isRetryable: true } })

type Cancel = (id: string) => { readonly ok: boolean } | Promise<{ readonly ok: boolean }>

/** The feature with this implementation of `jobs.cancel`. */
function jobs(cancel: Cancel = () => ({ ok: true }), onStart?: (publish: Publish<typeof jobMethods>) => (() => void) | undefined) {
  return implementMethods(
    jobMethods,
    {
      'jobs.list': () => [
        { id: 'a', state: 'running' },
        { id: 'b', state: 'done' },
      ],
      'jobs.cancel': async ({ id }, { publish }) => {
        const result = await cancel(id)
        publish('jobs.changed', { id, state: 'done' })
        return result
      },
      'jobs.run': ({ id }, { accept }) => {
        accept({ status: 'accepted' })
        return { id, state: 'done' }
      },
    },
    onStart === undefined ? {} : { onStart },
  )
}

type Logged = Readonly<Record<string, unknown>> & { readonly event: string }

interface Stage extends AsyncDisposable {
  readonly url: string
  readonly gateway: Gateway
  readonly logged: readonly Logged[]
}

async function stage(methods: readonly ImplementedMethods[], options: Partial<GatewayOptions> = {}): Promise<Stage> {
  const logged: Logged[] = []
  const logger: Logger = { log: (_level, event, fields) => logged.push({ ...fields, event }) }
  const claw = await startClaw()
  const gateway = new Gateway({ claw, port: 0, drainMs: 0, methods, services: { logger }, ...options })
  const { url } = await gateway.start()
  return {
    url,
    gateway,
    logged,
    async [Symbol.asyncDispose]() {
      await gateway.stop()
      await claw.stop()
    },
  }
}

function startClaw(): Promise<RunningBeamClaw> {
  return new BeamClaw({
    providers: { demo: new DemoProvider() },
    agents: [defineAgent({ id: 'main', model: 'demo/demo-1' })],
    services: { logger: silentLogger },
  }).start()
}

const reader = { scopes: ['operator.read'] }

describe('the methods of a guest', () => {
  test('are called like any other, with their parameters checked, and are named in the hello', async () => {
    await using all = await stage([jobs()])
    await using client = new RawClient(all.url)
    await client.challenge()
    const { payload } = await client.request('connect', {
      minProtocol: 4,
      maxProtocol: 4,
      client: { id: 'test', version: '1.0.0', platform: 'linux', mode: 'test' },
      scopes: ['operator.read', 'operator.jobs', 'operator.unheard-of'],
    })
    expect(payload).toMatchObject({
      features: {
        methods: expect.arrayContaining(['chat.send', 'jobs.list', 'jobs.cancel']),
        events: expect.arrayContaining(['chat', 'jobs.changed']),
      },
      auth: { scopes: ['operator.read', 'operator.jobs'] },
    })
    expect(await client.ask('jobs.list')).toEqual([
      { id: 'a', state: 'running' },
      { id: 'b', state: 'done' },
    ])
    expect(await client.ask('jobs.cancel', { id: 'a' })).toEqual({ ok: true })
    const refused = await client.request('jobs.list', { limit: 0 })
    expect(refused.error).toMatchObject({ code: 'INVALID_REQUEST', message: expect.stringContaining('jobs.list params.limit') })
  })

  test('need their scope, which another may imply', async () => {
    await using all = await stage([jobs()])
    await using reading = await RawClient.connected(all.url, reader)
    expect((await reading.request('jobs.cancel', { id: 'a' })).error).toMatchObject({
      code: 'FORBIDDEN',
      details: { code: 'MISSING_SCOPE', missingScope: 'operator.jobs', requiredScopes: ['operator.jobs'] },
    })
    for (const scope of ['operator.jobs', 'operator.write', 'operator.admin']) {
      await using client = await RawClient.connected(all.url, { scopes: [scope] })
      expect(await client.ask('jobs.cancel', { id: 'a' }), scope).toEqual({ ok: true })
    }
  })

  test('may answer twice', async () => {
    await using all = await stage([jobs()])
    await using client = await RawClient.connected(all.url)
    await client.request('jobs.run', { id: 'a' }, 'one')
    const answers = await client.frames((heard) => heard.filter(({ id }) => id === 'one'), 2)
    expect(answers.map(({ payload }) => payload)).toEqual([{ status: 'accepted' }, { id: 'a', state: 'done' }])
  })

  test('have the types of their schemas', () => {
    expectTypeOf<ParamsOf<typeof jobMethods, 'jobs.cancel'>>().toEqualTypeOf<{ id: string }>()
    expectTypeOf<ResultOf<typeof jobMethods, 'jobs.cancel'>>().toEqualTypeOf<{ ok: boolean }>()
    expectTypeOf<PayloadOf<typeof jobMethods, 'jobs.secret'>>().toEqualTypeOf<{ text: string }>()
    // @ts-expect-error an implementation is missing
    implementMethods(jobMethods, { 'jobs.list': () => [] })
  })
})

describe('a method of a guest that fails', () => {
  test.each([
    ['job-unknown', jobError('job-unknown', 'There is no such job'), 'INVALID_REQUEST', false],
    ['jobs-busy', jobError('jobs-busy', 'Too many jobs', { retryAfterMs: 1_500 }), 'UNAVAILABLE', true],
    ['draining', new BeamClawError('draining', 'Later'), 'UNAVAILABLE', true],
  ])('with %s tells its caller so, by the kind of the code', async (code, error, wire, retryable) => {
    await using all = await stage([
      jobs(() => {
        throw error
      }),
    ])
    await using client = await RawClient.connected(all.url)
    const refused = await client.request('jobs.cancel', { id: 'a' })
    expect(refused.error).toMatchObject({ code: wire, message: error.message, details: { code }, retryable })
    expect(refused.error?.retryAfterMs).toBe(error.retryAfterMs)
    expect(all.logged.filter(({ event }) => event === 'gateway.request-failed')).toEqual([])
  })

  const unreadable = new Proxy(new Error('no'), {
    get: () => {
      throw new TypeError('not to be read')
    },
  })
  test.each<[string, unknown]>([
    ['an error of no type', new TypeError('secret')],
    ['undefined', undefined],
    ['an object without a prototype', Object.create(null)],
    ['an error that cannot be read', unreadable],
  ])('with %s is internal, in the log, and nothing else notices', async (_what, thrown) => {
    await using all = await stage([jobs(() => Promise.reject(thrown))])
    await using client = await RawClient.connected(all.url)
    const refused = await client.request('jobs.cancel', { id: 'a' })
    expect(refused.error).toMatchObject({ code: 'UNAVAILABLE', details: { code: 'internal' }, retryable: false })
    expect(JSON.stringify(refused)).not.toContain('secret')
    expect(all.logged).toContainEqual(expect.objectContaining({ event: 'gateway.request-failed', method: 'jobs.cancel' }))
    expect(await client.ask('health')).toMatchObject({ ok: true })
  })

  test.each<[string, unknown]>([
    ['another shape', { ok: 'yes' }],
    ['nothing', undefined],
    ['more than the schema has', { ok: true, token: 'secret' }],
  ])('by returning %s is internal, and the log says what does not fit', async (_what, returned) => {
    await using all = await stage([jobs(() => returned as never)])
    await using client = await RawClient.connected(all.url)
    const refused = await client.request('jobs.cancel', { id: 'a' })
    expect(refused.error).toMatchObject({ code: 'UNAVAILABLE', details: { code: 'internal' } })
    expect(JSON.stringify(refused)).not.toContain('secret')
    const error = expect.stringContaining('result of jobs.cancel')
    expect(all.logged).toContainEqual(expect.objectContaining({ event: 'gateway.request-failed', error }))
    expect(await client.ask('health')).toMatchObject({ ok: true })
  })

  test('by never returning holds up nobody but itself, and hears that its caller is gone', async () => {
    const gone = Promise.withResolvers<void>()
    const hanging = implementMethods(defineMethods({ 'jobs.hang': { scope: 'operator.read', params: z.unknown(), result: z.never() } }), {
      'jobs.hang': (_params, { connection: { signal } }) => {
        signal.addEventListener('abort', () => gone.resolve())
        return new Promise(() => {})
      },
    })
    await using all = await stage([hanging])
    const client = await RawClient.connected(all.url, reader)
    client.send({ type: 'req', id: 'x', method: 'jobs.hang' })
    expect(await client.ask('health')).toMatchObject({ ok: true })
    await client[Symbol.asyncDispose]()
    await gone.promise
  })
})

describe('the events of a guest', () => {
  test('go to the connections that hold their scope, counted like the others', async () => {
    await using all = await stage([jobs()])
    await using reading = await RawClient.connected(all.url, reader)
    await using writing = await RawClient.connected(all.url)
    await writing.ask('jobs.cancel', { id: 'a' })
    await writing.ask('jobs.cancel', { id: 'b' })
    const changes = await writing.frames((heard) => heard.filter(({ event }) => event === 'jobs.changed'), 2)
    expect(changes.map(({ seq, payload }) => [seq, payload])).toEqual([
      [1, { id: 'a', state: 'done' }],
      [2, { id: 'b', state: 'done' }],
    ])
    await reading.ask('health')
    expect(reading.heard.filter(({ event }) => event === 'jobs.changed')).toEqual([])
  })

  test('can be published at any time between the start of the gateway and its stop', async () => {
    const log: string[] = []
    let publish: Publish<typeof jobMethods> = () => {}
    const feature = jobs(undefined, (given) => {
      log.push('started')
      publish = given
      return () => log.push('ended')
    })
    {
      await using all = await stage([feature])
      await using writing = await RawClient.connected(all.url)
      await using admin = await RawClient.connected(all.url, { scopes: ['operator.admin'] })
      publish('jobs.secret', { text: 'only for admins' })
      publish('jobs.changed', { id: 'a', state: 'running' })
      expect(await admin.frame(({ event }) => event === 'jobs.secret')).toMatchObject({ seq: 1 })
      expect(await writing.frame(({ event }) => event === 'jobs.changed')).toMatchObject({ seq: 1 })
      expect(log).toEqual(['started'])
    }
    expect(log).toEqual(['started', 'ended'])
    expect(() => publish('jobs.changed', { id: 'a', state: 'done' })).not.toThrow()
  })

  test('that do not fit are logged and not sent, and publishing never throws', async () => {
    let publish: (event: string, payload: unknown) => void = () => {}
    const feature = jobs(undefined, (given) => {
      publish = given as typeof publish
      return undefined
    })
    await using all = await stage([feature])
    await using client = await RawClient.connected(all.url)
    publish('jobs.changed', { id: '', state: 'running' })
    publish('jobs.changed', { id: 'a', state: 'running', token: 'secret' })
    publish('chat', { state: 'final' })
    publish('constructor', {})
    publish(undefined as never, {})
    publish('jobs.changed', { id: 'a', state: 'done' })
    const changes = await client.frames((heard) => heard.filter(({ event }) => event === 'jobs.changed'), 1)
    expect(changes).toMatchObject([{ seq: 1, payload: { id: 'a', state: 'done' } }])
    expect(all.logged.filter(({ event }) => event !== 'gateway.publish-failed')).toEqual([])
    expect(all.logged).toHaveLength(5)
  })

  test('cost a slow reader its connection, and nobody else', async () => {
    let publish: Publish<typeof jobMethods> = () => {}
    const feature = jobs(undefined, (given) => {
      publish = given
      return undefined
    })
    await using all = await stage([feature], { limits: { maxBufferedBytes: 1_000_000 } })
    await using admin = await RawClient.connected(all.url, { scopes: ['operator.admin'] })
    const slow = await RawClient.connected(all.url, { scopes: ['operator.admin'] })
    slow.ws.pause()
    for (let index = 0; index < 64; index++) {
      publish('jobs.secret', { text: 'x'.repeat(500_000) })
      await admin.ask('health')
    }
    slow.ws.resume()
    expect(await slow.closed).toMatchObject({ code: 1008, reason: 'slow consumer' })
    expect(admin.heard.filter(({ event }) => event === 'jobs.secret')).toHaveLength(64)
  })
})

describe('a gateway with a guest that does not start', () => {
  const ended: string[] = []
  const first = implementMethods(defineMethods({}), {}, { onStart: () => () => ended.push('first') })

  test.each([
    ['internal', new Error('no disk')],
    ['job-unknown', jobError('job-unknown', 'No job')],
  ])('rejects with %s, ends those that did, and opens no port', async (code, thrown) => {
    ended.length = 0
    const claw = await startClaw()
    const failing = jobs(undefined, () => {
      throw thrown
    })
    const gateway = new Gateway({ claw, port: 0, methods: [first, failing], services: { logger: silentLogger } })
    await expect(gateway.start()).rejects.toMatchObject({ code })
    expect(ended).toEqual(['first'])
    await gateway.stop()
    await claw.stop()
  })

  test('or whose port is taken ends its guests, too', async () => {
    ended.length = 0
    await using all = await stage([])
    const claw = await startClaw()
    const gateway = new Gateway({ claw, port: Number(new URL(all.url).port), methods: [first], services: { logger: silentLogger } })
    await expect(gateway.start()).rejects.toMatchObject({ code: 'invalid-option' })
    expect(ended).toEqual(['first'])
    await claw.stop()
  })
})
