import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { defaultTenant, parseRunId } from '../base/ids.ts'
import type { UserMessage } from '../base/messages.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { TroubledStore } from '../testing/troubled-store.ts'
import { fingerprintOf } from './fingerprint.ts'
import { Session } from './session.ts'
import { caller, first, scene } from './testing/approval-scene.ts'

const key = 'agent:main:main'
const fine = (): FunctionModel => new FunctionModel(() => ({ text: 'fine' }))

describe('a key that is used again', () => {
  test('with other content is refused: while its message waits, runs, and when it is over', async () => {
    const held = gate()
    const { claw } = await stage(new FunctionModel(() => held.promise.then(() => ({ text: 'done' }))))
    const session = claw.session(key)
    const mismatch = async (idempotencyKey: string): Promise<void> => {
      const again = session.send('something else', { idempotencyKey })
      await expect(again.accepted).rejects.toMatchObject({
        code: 'idempotency-mismatch',
        isRetryable: false,
        details: { runId: idempotencyKey },
      })
      await expect(again.result()).rejects.toMatchObject({ code: 'idempotency-mismatch' })
    }
    await session.send('one', { idempotencyKey: 'running' }).accepted
    await session.send('two', { idempotencyKey: 'waiting' }).accepted
    await mismatch('running')
    await mismatch('waiting')
    held.resolve()
    await session.follow('waiting').result()
    await mismatch('running')
    expect(await session.send('one', { idempotencyKey: 'running' }).accepted).toMatchObject({ status: 'completed' })
  })

  test('while its message is on its way to a run that waits for a decision is that of one message', async () => {
    const store = new TroubledStore('activity')
    const set = await scene(caller('prod'), {}, {}, { store })
    onTestFinished(() => set.claw.kill())
    const session = set.claw.session(key)
    session
      .send('go')
      .result()
      .catch(() => {})
    await first(set)
    await set.clock.advance(61_000)
    await flushEventLoop()
    const init = vi.spyOn(Session.prototype, 'init')
    onTestFinished(() => init.mockRestore())
    await session.inspect()
    const actors: readonly unknown[] = init.mock.contexts
    const actor = actors.at(-1) as Session
    const held = gate()
    store.before = () => held.promise
    // Sessions carry out one message of the work lane after the other. A node may send on the control lane, too: there, both wait for the list at once.
    const message = { type: 'send', runId: parseRunId('one'), message: { role: 'user', content: 'no' }, queueMode: 'steer' } as const
    const sent = [1, 2].map(() => actor.call(message, { lane: 'control' }))
    await flushEventLoop()
    held.resolve()
    expect(await Promise.all(sent)).toMatchObject([{ runId: 'one' }, { runId: 'one' }])
    const accepted = (await store.readLog([defaultTenant, 'sessions', 'main', 'main']))?.records.filter(({ type }) => type === 'message-in')
    expect(accepted).toMatchObject([{ seq: 1 }, { data: { runId: 'one' } }])
  })

  test('is refused after a snapshot and a restart too', async () => {
    const set = await stage(fine())
    await set.claw.session(key).send('one', { idempotencyKey: 'one' }).result()
    for (let index = 0; index < 60; index++) await set.claw.session(key).send(`message ${index}`).result()
    const next = await set.restart()
    await expect(next.session(key).send('two', { idempotencyKey: 'one' }).accepted).rejects.toMatchObject({ code: 'idempotency-mismatch' })
    expect(await next.session(key).send([{ type: 'text', text: 'one' }], { idempotencyKey: 'one' }).accepted).toMatchObject({
      status: 'completed',
    })
  })

  test('is told apart by everything that a message says', () => {
    const image = (data: string, mediaType = 'image/png') => ({ type: 'image' as const, mediaType, data })
    const different: readonly UserMessage['content'][] = [
      'a',
      'b',
      ' a',
      'a'.repeat(100_000),
      `${'a'.repeat(99_999)}b`,
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      [
        { type: 'text', text: 'b' },
        { type: 'text', text: 'a' },
      ],
      [{ type: 'text', text: 'ab' }],
      [image('AAAA')],
      [image('AAAB')],
      [image('AAAA', 'image/gif')],
      [{ type: 'image', mediaType: 'image/png', url: 'AAAA' }],
      [{ type: 'text', text: 'a' }, image('AAAA')],
    ]
    expect(new Set(different.map(fingerprintOf)).size).toBe(different.length)
    expect(fingerprintOf([{ type: 'text', text: 'a' }])).toBe(fingerprintOf('a'))
  })
})

describe('runs that are over', () => {
  test('are remembered however many messages wait', async () => {
    const held = gate()
    const model = new FunctionModel((_request, index) => (index === 0 ? { text: 'first' } : held.promise.then(() => ({ text: 'later' }))))
    const { claw } = await stage(model, {}, { sessions: { rememberedRuns: 3 } })
    const session = claw.session(key)
    await session.send('one', { idempotencyKey: 'one' }).result()
    for (let index = 0; index < 300; index++) await session.send(`waits ${index}`).accepted
    await session.abort((await session.history()).runs.at(-1)?.runId)
    expect(await session.send('one', { idempotencyKey: 'one' }).accepted).toMatchObject({ status: 'completed' })
    expect((await session.follow('one').result()).text).toBe('first')
    held.resolve()
  })

  test('are remembered by number, the last ones', async () => {
    const { claw, model } = await stage(fine(), {}, { sessions: { rememberedRuns: 3 } })
    const session = claw.session(key)
    for (const name of ['a', 'b', 'c', 'd']) await session.send(name, { idempotencyKey: name }).result()
    await expect(session.follow('a').accepted).rejects.toMatchObject({ code: 'unknown-run' })
    for (const name of ['b', 'c', 'd']) expect(await session.follow(name).accepted).toMatchObject({ status: 'completed' })
    await session.send('a', { idempotencyKey: 'a' }).result()
    expect(model.requests).toHaveLength(5)
  })

  test('are remembered by time', async () => {
    const set = await stage(fine(), {}, { sessions: { rememberRunsForMs: 60_000 } })
    const session = set.claw.session(key)
    await session.send('a', { idempotencyKey: 'a' }).result()
    await set.clock.advance(50_000)
    await session.send('b', { idempotencyKey: 'b' }).result()
    expect(await session.follow('a').accepted).toMatchObject({ status: 'completed' })
    await set.clock.advance(20_000)
    await session.send('c', { idempotencyKey: 'c' }).result()
    await expect(session.follow('a').accepted).rejects.toMatchObject({ code: 'unknown-run' })
    expect(await session.follow('b').accepted).toMatchObject({ status: 'completed' })
    // The same, read back from the journal.
    const next = await set.restart()
    await expect(next.session(key).follow('a').accepted).rejects.toMatchObject({ code: 'unknown-run' })
    expect(await next.session(key).follow('b').accepted).toMatchObject({ status: 'completed' })
  })

  test.each([{ rememberedRuns: 0 }, { rememberRunsForMs: -1 }, { mailboxSize: 'many' }, { rememberedRun: 5 }])(
    'take no %j',
    async (sessions) => {
      await expect(stage(fine(), {}, { sessions: sessions as object })).rejects.toMatchObject({ code: 'invalid-option' })
    },
  )
})

describe('settings that are changed at the same time', () => {
  test('all hold', async () => {
    const { claw } = await stage(fine())
    const session = claw.session(key)
    const changes = [{ label: 'mine' }, { channel: 'here' }, { thinking: 'high' }, { verbose: 'on' }] as const
    await Promise.all(changes.map((change) => session.configure(change)))
    expect(await session.configure({})).toEqual({ label: 'mine', channel: 'here', thinking: 'high', verbose: 'on' })
  })

  test('all hold, however many there are', async () => {
    const { claw } = await stage(fine())
    const session = claw.session(key)
    const changes = Array.from({ length: 30 }, (_, index) =>
      session.configure(index % 2 === 0 ? { label: `${index}` } : { channel: `${index}` }),
    )
    expect((await Promise.allSettled(changes)).map(({ status }) => status)).toEqual(changes.map(() => 'fulfilled'))
    expect(await session.configure({})).toEqual({ label: '28', channel: '29' })
  })

  test('hold also when somebody else writes the document', async () => {
    const store = new MemoryStore()
    const { claw } = await stage(fine(), {}, { store })
    await claw.session(key).configure({ label: 'mine' })
    await store.put(['default' as never, 'sessions', 'main', 'main', 'metadata'], { label: 'mine', channel: 'theirs' })
    expect(await claw.session(key).configure({ thinking: 'low' })).toEqual({ label: 'mine', channel: 'theirs', thinking: 'low' })
  })

  test('and fail do not keep the next ones from being made', async () => {
    const store = new MemoryStore()
    const put = store.put.bind(store)
    const { claw } = await stage(fine(), {}, { store })
    store.put = () => {
      store.put = put
      return Promise.reject(new TypeError('once'))
    }
    const [first, second] = await Promise.allSettled([
      claw.session(key).configure({ label: 'a' }),
      claw.session(key).configure({ channel: 'b' }),
    ])
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled'])
    await flushEventLoop()
  })
})
