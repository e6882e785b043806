import { LocalEventBus } from '@beamclaw/actor'
import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import type { RunEvent } from '../base/events.ts'
import { ForgetfulStore } from '../testing/forgetful-store.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { partTree } from '../testing/parts.ts'

const key = 'agent:main:main'
const fine = (): FunctionModel => new FunctionModel(() => ({ text: 'fine' }))

async function typesOf(events: AsyncIterable<RunEvent>): Promise<string[]> {
  const types: string[] = []
  for await (const { type } of events) types.push(type)
  return types
}

/** A session whose records are gone once a snapshot was taken. */
async function snapshotted(options: Parameters<typeof stage>[2] = {}) {
  const store = new ForgetfulStore()
  const set = await stage(fine(), {}, { store, ...options })
  return { set, store, compacted: store.taken }
}

async function fill(set: Stage, messages: number): Promise<void> {
  for (let index = 0; index < messages; index++) await set.claw.session(key).send(`message ${index}`).result()
  await flushEventLoop()
}

describe('looking at a session that nobody has written to', () => {
  const looks: readonly (readonly [string, (set: Stage, session: string) => Promise<unknown>])[] = [
    ['history', (set, session) => set.claw.session(session).history()],
    ['inspect', (set, session) => set.claw.session(session).inspect()],
    ['abort', (set, session) => set.claw.session(session).abort()],
    ['abort of a run', (set, session) => set.claw.session(session).abort('run')],
    ['follow', (set, session) => set.claw.session(session).follow('run').result()],
    ['deadLetters', (set, session) => set.claw.session(session).deadLetters()],
    ['redrive', (set, session) => set.claw.session(session).redrive('run').accepted],
    ['subscribe', (set, session) => typesOf(set.claw.session(session).subscribe())],
  ]

  test.each(looks)('rejects unknown-session, and leaves nothing: %s', async (_, look) => {
    const set = await stage(fine())
    for (const session of ['agent:main:nobody', 'agent:main:a', 'agent:main:zz']) {
      await expect(look(set, session)).rejects.toMatchObject({ code: 'unknown-session', details: { sessionKey: session } })
    }
    expect(await set.claw.sessions()).toEqual([])
    expect(partTree(set.claw, 'sessions')?.children).toEqual([])
    expect(await set.store.list(['default' as never])).toEqual([['default', 'activity']])
  })

  test('is fine once it was written to, also in another process, beside sessions with similar names', async () => {
    const set = await stage(fine())
    for (const name of ['main', 'main2', 'mai']) await set.claw.session(`agent:main:${name}`).send(name).result()
    await set.claw.session('agent:main:settings').configure({ label: 'only settings' })
    // Long after, the activity log no longer remembers its last work.
    await set.store.delete(['default' as never, 'activity'])
    const next = await set.restart()
    for (const name of ['main', 'main2', 'mai']) expect((await next.session(`agent:main:${name}`).history()).total).toBe(2)
    expect((await next.session('agent:main:settings').history()).total).toBe(0)
    for (const name of ['mai1', 'main1', 'ma', 'main3'])
      await expect(next.session(`agent:main:${name}`).history()).rejects.toMatchObject({ code: 'unknown-session' })
  })

  test('in the moment of its first message finds it', async () => {
    const { claw } = await stage(fine())
    const run = claw.session(key).send('hello')
    expect((await claw.session(key).history()).seq).toBeGreaterThan(0)
    await run.result()
  })

  test('can be waited for: the first message is told', async () => {
    const set = await stage(fine())
    const seen: string[] = []
    const abort = new AbortController()
    const reading = (async () => {
      for await (const { type } of set.claw.session(key).subscribe(1, { signal: abort.signal, waitForFirstMessage: true })) seen.push(type)
    })()
    await flushEventLoop()
    expect(await set.claw.sessions()).toEqual([])
    await set.claw.session(key).send('hello').result()
    await flushEventLoop()
    abort.abort()
    await reading
    expect(seen).toEqual(['message-accepted', 'run-start', 'model-request', 'text-delta', 'message', 'run-end'])
  })
})

describe('a run that is asked about late', () => {
  test('has its result from the snapshot that took its records', async () => {
    const { set, compacted } = await snapshotted()
    const run = set.claw.session(key).send('first', { idempotencyKey: 'first' })
    await run.accepted
    await set.clock.advance(2_000)
    await fill(set, 45)
    expect(compacted.length).toBeGreaterThan(0)
    expect((await run.result()).text).toBe('fine')
  })

  test('ends its iteration, with nothing to tell', async () => {
    const { set } = await snapshotted()
    const run = set.claw.session(key).send('first')
    await run.accepted
    await set.clock.advance(2_000)
    await fill(set, 45)
    expect(await typesOf(run)).toEqual([])
    expect((await run.result()).text).toBe('fine')
  })

  test('that is over, and whose records are still there, is told whole', async () => {
    const set = await stage(fine())
    const run = set.claw.session(key).send('first')
    await run.accepted
    await set.clock.advance(2_000)
    await fill(set, 2)
    expect(await typesOf(run)).toEqual(['message-accepted', 'run-start', 'model-request', 'message', 'run-end'])
  })

  test('and forgotten rejects unknown-run', async () => {
    const { set } = await snapshotted({ sessions: { rememberedRuns: 5 } })
    const run = set.claw.session(key).send('first')
    const again = set.claw.session(key).send('second')
    await Promise.all([run.accepted, again.accepted])
    await set.clock.advance(2_000)
    await fill(set, 10)
    await expect(run.result()).rejects.toMatchObject({ code: 'unknown-run' })
    await expect(typesOf(again)).rejects.toMatchObject({ code: 'unknown-run' })
  })

  test('and whose iteration was left early still has its result', async () => {
    const held = gate()
    const { claw } = await stage(new FunctionModel(() => held.promise.then(() => ({ text: 'done' }))))
    const run = claw.session(key).send('first')
    for await (const { type } of run) if (type === 'run-start') break
    const result = run.result()
    await flushEventLoop()
    held.resolve()
    expect((await result).text).toBe('done')
  })
})

describe('a reader that is too slow', () => {
  test('is told, with the cursor to go on from', async () => {
    const { set, compacted } = await snapshotted()
    const session = set.claw.session(key)
    await session.send('first').result()
    const events = session.subscribe()[Symbol.asyncIterator]()
    for (let index = 0; index < 3; index++) await events.next()
    // More than its buffer takes, and a snapshot takes the place of what does not fit.
    const words = Array.from({ length: 5_000 }, () => 'w').join(' ')
    const chatty = new FunctionModel(() => ({ text: words }))
    set.model.doStream = chatty.doStream.bind(chatty)
    for (let index = 0; index < 60; index++) await session.send(`message ${index}`).result()
    await flushEventLoop()
    expect(compacted.length).toBeGreaterThan(0)
    const rest: number[] = []
    const lagged = await (async () => {
      try {
        for (;;) {
          const { value, done } = await events.next()
          if (done === true) return undefined
          if ('seq' in value) rest.push(value.seq)
        }
      } catch (error) {
        return error
      }
    })()
    expect(rest).toEqual([4, 5])
    expect(lagged).toMatchObject({ code: 'subscriber-lagged', isRetryable: true, details: { nextSeq: 6 } })
    const { cursor } = (lagged as { details: { cursor: number } }).details
    expect(cursor).toBeGreaterThan(200)
    for await (const event of session.subscribe(cursor)) {
      expect(event).toMatchObject({ seq: cursor })
      break
    }
  }, 20_000)

  test('and comes back for records that are gone is told too; who asks for whatever there is gets that', async () => {
    const { set, compacted } = await snapshotted()
    await fill(set, 45)
    const first = (compacted.at(-1) ?? 0) + 1
    const session = set.claw.session(key)
    const isLagged = expect(session.subscribe(4)[Symbol.asyncIterator]().next()).rejects
    await isLagged.toMatchObject({ code: 'subscriber-lagged', details: { nextSeq: 4, cursor: first } })
    expect((await session.subscribe()[Symbol.asyncIterator]().next()).value).toMatchObject({ seq: first })
  })

  test('of a run still has its result', async () => {
    const events = new LocalEventBus<RunEvent>()
    const subscribe = events.subscribe.bind(events)
    events.subscribe = (topic, options) => subscribe(topic, { ...options, maxBuffered: 1 })
    const { set } = await snapshotted({ events })
    const runs = Array.from({ length: 60 }, (_, index) => set.claw.session(key).send(`message ${index}`).result())
    expect((await Promise.all(runs)).map(({ text }) => text)).toEqual(runs.map(() => 'fine'))
  })
})

describe('a bus that loses events', () => {
  test.each(['throws', 'drops'])('keeps no result from whoever waits for it: it %s the last ones', async (how) => {
    const events = new LocalEventBus<RunEvent>()
    const publish = events.publish.bind(events)
    events.publish = (topic, event) => {
      if (event.type !== 'run-end') return publish(topic, event)
      if (how === 'throws') throw new Error('the bus is away for a moment')
    }
    const set = await stage(fine(), {}, { events })
    const run = set.claw.session(key).send('hello')
    const types = typesOf(run)
    const result = run.result()
    await flushEventLoop()
    await set.clock.advance(20_000)
    expect((await result).text).toBe('fine')
    expect((await types).at(-1)).toBe('run-end')
  })
})

describe('a subscription', () => {
  test('that is left before it has begun gives its place on the bus back', async () => {
    const events = new LocalEventBus<RunEvent>()
    const subscribe = events.subscribe.bind(events)
    let open = 0
    events.subscribe = (topic, options) => {
      const subscription = subscribe(topic, options)
      const stop = subscription.stop.bind(subscription)
      open++
      let isOpen = true
      subscription.stop = async () => {
        if (isOpen) open--
        isOpen = false
        await stop()
      }
      return subscription
    }
    const set = await stage(fine(), {}, { events })
    await set.claw.session(key).send('hello').result()
    const before = open
    await set.claw.session(key).subscribe()[Symbol.asyncIterator]().return?.()
    expect(open).toBe(before)
  })
})
