import { type Logger, silentLogger } from '@beamclaw/actor'
import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { killPart, killUntilEnded, partTree } from '../testing/parts.ts'
import { TroubledStore } from '../testing/troubled-store.ts'

const key = 'agent:main:main'

describe('a session whose journal cannot be written', () => {
  test('refuses the message with the reason, and takes it again once there is room', async () => {
    const store = new TroubledStore()
    const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
    const session = claw.session(key)
    await session.send('one').result()
    store.before = async () => {
      throw new BeamClawError('store-full', 'no room')
    }
    await expect(session.send('two', { idempotencyKey: 'two' }).accepted).rejects.toMatchObject({ code: 'store-full', isRetryable: true })
    await expect(session.send('three').accepted).rejects.toMatchObject({ code: 'store-full' })
    store.before = async () => {}
    expect((await session.send('two', { idempotencyKey: 'two' }).result()).text).toBe('fine')
    expect(partTree(claw, 'sessions')?.children).toMatchObject([{ id: key, restarts: 0 }])
  })

  test('goes on with its run by itself once the trouble is over', async () => {
    const store = new TroubledStore()
    const { claw, clock } = await stage(new FunctionModel(() => ({ text: 'after all' })), {}, { store })
    let isFull = true
    store.before = async (records) => {
      if (isFull && records.some(({ type }) => type === 'model-response')) throw new BeamClawError('store-full', 'no room')
    }
    const run = claw.session(key).send('go')
    await run.accepted
    await flushEventLoop()
    isFull = false
    await clock.advance(1_000)
    expect((await run.result()).text).toBe('after all')
  })

  test('leaves other sessions alone', async () => {
    const store = new TroubledStore()
    const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
    store.before = async ([record]) => {
      if (JSON.stringify(record).includes('unlucky')) throw new BeamClawError('store-io', 'broken disk')
    }
    await expect(claw.session('agent:main:a').send('unlucky').accepted).rejects.toMatchObject({ code: 'store-io' })
    expect((await claw.session('agent:main:b').send('lucky').result()).text).toBe('fine')
  })

  test('makes way for another owner', async () => {
    const store = new TroubledStore()
    const levels: string[] = []
    const logger: Logger = { log: (level, event) => void (event === 'session.journal-failed' && levels.push(level)) }
    const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store, services: { logger } })
    await claw.session(key).send('one').result()
    store.before = async () => {
      throw new BeamClawError('fenced', 'a later owner opened the log')
    }
    await expect(claw.session(key).send('two').accepted).rejects.toMatchObject({ code: 'fenced' })
    await flushEventLoop()
    expect(partTree(claw, 'sessions')?.children).toEqual([])
    // Expected after each freeze of a node.
    expect(levels).toEqual(['info'])
  })
})

describe.each(['store-failed', 'store-replaced'] as const)('a store that has failed for good, with %s', (code) => {
  test('ends the tree: the caller hears why, and another start over a store that works goes on', async () => {
    const store = new TroubledStore()
    const set = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
    await set.claw.session(key).send('one').result()
    store.before = async () => {
      throw new BeamClawError(code, 'the disk is gone')
    }
    await expect(set.claw.session(key).send('two').accepted).rejects.toMatchObject({ code })
    await set.clock.advance(0)
    expect(await set.claw.ended).toMatchObject({ type: 'crashed', cause: { code } })
    await expect(set.claw.session('agent:main:other').send('three').accepted).rejects.toMatchObject({ code: 'actor-not-running' })
    store.before = async () => {}
    expect((await (await set.restart()).session(key).send('two').result()).text).toBe('fine')
  })

  test.each([
    ['activity', 'before'],
    ['sessions', 'opening'],
  ] as const)('ends it also when only this finds out: %s, %s', async (kind, moment) => {
    const store = new TroubledStore(kind)
    const { claw, clock } = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
    store[moment] = async () => {
      throw new BeamClawError(code, 'the disk is gone')
    }
    await expect(claw.session(key).send('one').accepted).rejects.toMatchObject({ code })
    await clock.advance(0)
    await claw.ended
  })
})

describe('a tree that has ended by itself', () => {
  test('leaves the store to the next one', async () => {
    const store = new TroubledStore('activity')
    const { claw, clock, model } = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
    await claw.session(key).send('one').result()
    store.before = async () => {
      throw new BeamClawError('store-io', 'broken disk')
    }
    await expect(claw.session('agent:main:other').send('two').accepted).rejects.toMatchObject({ code: 'store-io' })
    store.before = async () => {}
    await killUntilEnded(claw)
    const next = await stage(model, {}, { store, services: { clock, logger: silentLogger } })
    await clock.advance(60_000)
    expect((await next.claw.session(key).send('three').result()).text).toBe('fine')
  })
})

describe('a message that is written down while the run before it ends', () => {
  test('is run after a crash, though nobody asks for its session', async () => {
    const store = new TroubledStore()
    const set = await stage(new FunctionModel((_request, index) => ({ text: `answer ${index}` })), {}, { store })
    const session = set.claw.session(key)
    const slow = gate()
    const isSent = gate<{ readonly accepted: Promise<unknown> }>()
    store.before = async (records) => {
      if (records.some(({ type }) => type === 'run-end')) {
        // Its place in the journal is right behind the end of the run, and it takes its time.
        store.before = () => slow.promise
        isSent.resolve(session.send('second', { idempotencyKey: 'second' }))
        await flushEventLoop()
      }
    }
    await session.send('first').accepted
    const second = await isSent.promise
    await flushEventLoop()
    store.before = () => Promise.resolve()
    slow.resolve()
    await second.accepted
    set.claw.kill()
    await (await set.restart()).resumed
    await flushEventLoop()
    expect(await set.claw.session(key).send('second', { idempotencyKey: 'second' }).accepted).toMatchObject({ status: 'completed' })
  })
})

describe('a read that answers after its session was killed', () => {
  test('does not end the work of the incarnation that has the session by then', async () => {
    const store = new TroubledStore()
    const silent = gate()
    const set = await stage(
      new FunctionModel(async () => {
        await silent.promise
        return { text: 'fine' }
      }),
      {},
      { store },
    )
    const late = gate()
    store.read = () => late.promise
    const waking = set.claw.session(key).history()
    waking.catch(() => {})
    await flushEventLoop()
    store.read = async () => {}
    killPart(set.claw, 'sessions')
    await flushEventLoop()
    await set.claw.session(key).send('hello', { idempotencyKey: 'hello' }).accepted
    late.resolve()
    await flushEventLoop()
    await set.clock.advance(10_000)
    await set.restart()
    expect(await set.claw.resumed).toBe(1)
    silent.resolve()
    await flushEventLoop()
    expect(await set.claw.session(key).follow('hello').accepted).toMatchObject({ status: 'completed' })
  })
})

describe('a write that is done, and answers late', () => {
  test('does not end the work of the incarnation that has the session by then', async () => {
    const store = new TroubledStore()
    const silent = gate()
    const set = await stage(
      new FunctionModel(async (_request, index) => {
        if (index === 1) await silent.promise
        return { text: `answer ${index}` }
      }),
      {},
      { store },
    )
    const late = gate()
    store.after = (records) => (records.some(({ type }) => type === 'run-end') ? late.promise : Promise.resolve())
    await set.claw.session(key).send('first').accepted
    await flushEventLoop()
    store.after = async () => {}
    killPart(set.claw, 'sessions')
    await flushEventLoop()
    await set.claw.session(key).send('second', { idempotencyKey: 'second' }).accepted
    late.resolve()
    await flushEventLoop()
    await set.restart()
    expect(await set.claw.resumed).toBe(1)
    silent.resolve()
    await flushEventLoop()
    expect(await set.claw.session(key).follow('second').accepted).toMatchObject({ status: 'completed' })
  })
})

describe('a write that fails late, after the journal was let go for another failure', () => {
  /** A session whose run hangs in a write, and whose journal was let go since another write failed. */
  async function brokenTwice() {
    const store = new TroubledStore()
    const set = await stage(new FunctionModel((_request, index) => ({ text: `answer ${index}` })), {}, { store })
    const session = set.claw.session(key)
    const late = gate()
    store.before = async (records) => {
      if (records.some(({ type }) => type === 'model-response')) await late.promise
      else if (JSON.stringify(records).includes('second')) throw new BeamClawError('store-full', 'no room')
    }
    await session.send('first', { idempotencyKey: 'first' }).accepted
    await flushEventLoop()
    await expect(session.send('second').accepted).rejects.toMatchObject({ code: 'store-full' })
    store.before = async () => {}
    return { ...set, store, session, late }
  }

  test('leaves alone the journal that is being opened again', async () => {
    const { session, store, late } = await brokenTwice()
    const slow = gate()
    store.read = () => slow.promise
    const third = session.send('third')
    await flushEventLoop()
    late.reject(new BeamClawError('store-io', 'broken disk'))
    await flushEventLoop()
    slow.resolve()
    expect((await third.result()).text).toBe('answer 2')
    const told: number[] = []
    for await (const event of session.subscribe(1)) {
      if ('seq' in event) told.push(event.seq)
      if (event.type === 'run-end' && event.runId !== 'first') break
    }
    expect(told).toEqual(told.map((_, index) => index + 1))
  })

  test('does not stop the session, though it says that another has the journal', async () => {
    const { session, clock, model, late } = await brokenTwice()
    late.reject(new BeamClawError('fenced', 'a later owner opened the log'))
    await flushEventLoop()
    await clock.advance(1_000)
    expect(model.requests).toHaveLength(2)
    expect((await session.follow('first').result()).text).toBe('answer 1')
  })
})

test('a page that cannot be read rejects for its reader, and leaves alone the session', async () => {
  const store = new MemoryStore()
  const { claw, clock } = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store, sessions: { passivateAfterMs: 1_000 } })
  const session = claw.session(key)
  await session.send('one').result()
  await clock.advance(2_000)
  const readLog = store.readLog.bind(store)
  store.readLog = async () => {
    throw new BeamClawError('store-io', 'broken disk')
  }
  await expect(session.subscribe(1)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'store-io' })
  expect((await session.inspect()).isAwake).toBe(false)
  store.readLog = readLog
  expect((await session.send('two').result()).text).toBe('fine')
  expect((await session.subscribe(1)[Symbol.asyncIterator]().next()).value).toMatchObject({ seq: 1 })
})

test('a store that is behind with its writes refuses a message, and the session takes the next one', async () => {
  const store = new TroubledStore()
  const { claw, clock } = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
  const session = claw.session(key)
  await session.send('one').result()
  store.before = async () => {
    throw new BeamClawError('overloaded', 'too much waits for the disk', { isRetryable: true, retryAfterMs: 100 })
  }
  await expect(session.send('two', { idempotencyKey: 'two' }).accepted).rejects.toMatchObject({ code: 'overloaded', isRetryable: true })
  store.before = async () => {}
  await clock.advance(60_000)
  expect((await session.send('two', { idempotencyKey: 'two' }).result()).text).toBe('fine')
  const { messages } = await session.history()
  expect(messages.filter(({ message }) => message.role === 'user')).toHaveLength(2)
})
