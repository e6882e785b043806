import { flushEventLoop, gate, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { defaultTenant } from '../base/ids.ts'
import type { BeamClawOptions } from '../beamclaw-options.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { StoreKey } from '../ports/store-key.ts'
import type { RunningBeamClaw } from '../running-beamclaw.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { partTree } from '../testing/parts.ts'
import { TroubledStore } from '../testing/troubled-store.ts'

const key = 'agent:main:main'
const echo = (): FunctionModel => new FunctionModel(({ messages }) => ({ text: `re: ${String(messages.at(-1)?.content)}` }))

async function up(options: Partial<BeamClawOptions> = {}): Promise<Stage> {
  const set = await stage(echo(), {}, options)
  onTestFinished(() => void set.claw.kill())
  return set
}

/** What the store has of sessions. */
const stored = async (store: MemoryStore): Promise<readonly StoreKey[]> => store.list(['default', 'sessions'] as never)

async function expectNone(claw: RunningBeamClaw, of = key): Promise<void> {
  expect(await claw.session(of).exists()).toBe(false)
  expect((await claw.sessions()).map(({ sessionKey }) => sessionKey)).not.toContain(of)
  await expect(claw.session(of).history()).rejects.toMatchObject({ code: 'unknown-session' })
  await expect(claw.session(of).inspect()).rejects.toMatchObject({ code: 'unknown-session' })
}

const large = 'x'.repeat(20_000)
const tooLarge = { code: 'document-too-large', kind: 'too-large' }

describe('a session whose beginning is refused for its size', () => {
  const small = (): MemoryStore => new MemoryStore({ maxDocumentBytes: 10_000 })

  test.each<[string, (claw: RunningBeamClaw) => Promise<unknown>]>([
    ['a message', (claw) => claw.session(key).send(large).accepted],
    ['an import', (claw) => claw.session(key).import([{ role: 'user', content: large }])],
    ['settings', (claw) => claw.session(key).configure({ data: { a: large.slice(0, 15_000) } })],
  ])('is not there: %s', async (_, begin) => {
    const store = small()
    const set = await up({ store })
    await expect(begin(set.claw)).rejects.toMatchObject(tooLarge)
    expect(await stored(store)).toEqual([])
    await expectNone(set.claw)
    await expectNone(await set.restart())
    expect((await set.claw.session(key).send('short').result()).text).toBe('re: short')
    expect(await set.claw.session(key).exists()).toBe(true)
    await set.claw.drain()
  })

  test('is not there: a fork', async () => {
    const store = small()
    const set = await up({ store })
    for (const content of [large.slice(0, 4_000), large.slice(0, 4_001)]) await set.claw.session(key).send(content).result()
    await expect(set.claw.session(key).fork('agent:main:branch')).rejects.toMatchObject(tooLarge)
    await expectNone(set.claw, 'agent:main:branch')
    expect(await stored(store)).not.toContainEqual(expect.arrayContaining(['branch']))
  })

  test('is not there: a message that no mailbox takes', async () => {
    const store = new MemoryStore()
    const set = await up({ store })
    await expect(set.claw.session(key).send('x'.repeat(9 * 1024 * 1024)).accepted).rejects.toMatchObject({ code: 'message-too-large' })
    expect(await stored(store)).toEqual([])
    await expectNone(set.claw)
  })

  test('is not there: a message after a deletion', async () => {
    const set = await up({ store: small() })
    await set.claw.session(key).send('short').result()
    await set.claw.session(key).delete()
    await expect(set.claw.session(key).send(large).accepted).rejects.toMatchObject(tooLarge)
    await expectNone(set.claw)
  })

  test('is as before where it was begun', async () => {
    const set = await up({ store: small() })
    await set.claw.session(key).send('short').result()
    await expect(set.claw.session(key).send(large).accepted).rejects.toMatchObject(tooLarge)
    expect((await set.claw.session(key).history()).total).toBe(2)
    expect(await set.claw.session(key).exists()).toBe(true)
  })
})

test('an import is as large as the store takes, whatever a mailbox takes', async () => {
  const { claw } = await up()
  await claw.session(key).import([{ role: 'user', content: 'x'.repeat(9 * 1024 * 1024) }])
  expect((await (await claw.session(key).fork('agent:main:branch')).history()).total).toBe(1)
})

describe('a session that is being begun', () => {
  test('is there once its first message is durable, and not before', async () => {
    const store = new TroubledStore()
    const set = await up({ store })
    const held = gate()
    store.before = () => held.promise
    const run = set.claw.session(key).send('hello')
    await flushEventLoop()
    const looks = Promise.all([set.claw.session(key).exists(), set.claw.sessions()])
    held.resolve()
    store.before = async () => {}
    const [exists, sessions] = await looks
    expect([exists, sessions.length]).toEqual([true, 1])
    expect((await run.result()).text).toBe('re: hello')
  })

  test('is not there once its first message was refused, also to those who asked before', async () => {
    const store = new TroubledStore()
    const set = await up({ store })
    const held = gate()
    store.before = () => held.promise
    const refused = expect(set.claw.session(key).send('hello').accepted).rejects.toMatchObject({ code: 'store-full' })
    await flushEventLoop()
    const looks = Promise.all([set.claw.session(key).exists(), set.claw.sessions()])
    held.reject(new BeamClawError('store-full', 'no room'))
    await refused
    store.before = async () => {}
    expect(await looks).toEqual([false, []])
    await set.clock.advance(2_000)
    expect(await stored(store)).toEqual([])
    await expectNone(set.claw)
  })

  test('is not taken away by a look while its settings are being written', async () => {
    const store = new TroubledStore()
    const set = await up({ store })
    const held = gate()
    const { put } = store
    store.put = async (...args) => held.promise.then(() => put.apply(store, args))
    const configured = set.claw.session(key).configure({ label: 'mine' })
    await flushEventLoop()
    const looks = Promise.allSettled([set.claw.session(key).exists(), set.claw.session(key).history()])
    await flushEventLoop()
    held.resolve()
    await configured
    expect(await looks).toMatchObject([{ value: true }, { value: { total: 0 } }])
    expect(await (await set.restart()).session(key).exists()).toBe(true)
    expect((await set.claw.sessions())[0]?.settings).toEqual({ label: 'mine' })
  })
})

describe('a process that is killed while a session begins', () => {
  /** Begins a session, with a kill at each write in turn; returns whether it was there after each. */
  async function killedAtEachWrite(
    act: (claw: RunningBeamClaw) => Promise<unknown>,
    total: number,
    options: Partial<BeamClawOptions> = {},
  ): Promise<Set<boolean>> {
    const seen = new Set<boolean>()
    for (let writes = 0, wasKilled = true; wasKilled; writes++) {
      const store = new TroubledStore()
      const logged: string[] = []
      const services = { clock: new ManualClock(), logger: { log: (_: string, event: string) => void logged.push(event) } }
      const set = await up({ store, services, ...options })
      await set.claw.session('agent:main:source').send('one').result()
      await services.clock.advance(10_000)
      let left = writes
      wasKilled = false
      const own = { put: store.put, openLog: store.openLog, before: store.before }
      const write = async (): Promise<void> => {
        if (left-- > 0 && !wasKilled) return
        wasKilled = true
        set.claw.kill()
        return new Promise(() => {})
      }
      // A log is opened, and then its owner is dead.
      const openLog: typeof own.openLog = async (...args) => {
        const log = await own.openLog.apply(store, args)
        await write()
        return log
      }
      Object.assign(store, {
        before: write,
        put: async (...args: Parameters<typeof own.put>) => write().then(() => own.put.apply(store, args)),
        openLog,
      })
      await Promise.race([act(set.claw).catch(() => {}), flushEventLoop()])
      Object.assign(store, own)
      const claw = await set.restart()
      const exists = await claw.session(key).exists()
      seen.add(exists)
      expect((await claw.sessions()).some(({ sessionKey }) => sessionKey === key)).toBe(exists)
      if (exists) expect((await claw.session(key).history()).total).toBeGreaterThanOrEqual(total)
      else await expectNone(claw)
      await claw.resumed
      await claw.drain()
      expect(await claw.session(key).exists()).toBe(exists)
      await services.clock.advance(10_000)
      if (!exists) expect((await stored(store)).filter((one) => one[3] === 'main')).toEqual([])
      expect(logged).not.toContain('session.not-resumed')
      claw.kill()
    }
    return seen
  }

  test.each<[string, (claw: RunningBeamClaw) => Promise<unknown>, number]>([
    ['by a message', (claw) => claw.session(key).send('hello').accepted, 0],
    ['by an import', (claw) => claw.session(key).import([{ role: 'user', content: 'hello' }]), 1],
    ['by settings', (claw) => claw.session(key).configure({ label: 'mine' }), 0],
    ['by a fork', (claw) => claw.session('agent:main:source').fork(key), 2],
  ])('leaves the whole of it or nothing: %s', async (_, act, total) => {
    expect(await killedAtEachWrite(act, total)).toEqual(new Set([false, true]))
    expect(await killedAtEachWrite(act, total, { resume: 'on-demand' })).toEqual(new Set([false, true]))
  })
})

describe('a journal that is in no index', () => {
  test('that holds a conversation is a session, in lists too', async () => {
    const set = await up()
    await set.claw.session(key).send('hello').result()
    await set.clock.advance(10_000)
    set.claw.kill()
    await set.store.index.clear(defaultTenant)
    const claw = await set.restart()
    expect(await claw.session(key).exists()).toBe(true)
    expect((await claw.sessions()).map(({ sessionKey }) => sessionKey)).toEqual([key])
    expect((await claw.session(key).history()).total).toBe(2)
  })

  test('that cannot be opened is a session: what is wrong with it is told to those who use it', async () => {
    const store = new TroubledStore()
    const set = await up({ store })
    await set.claw.session(key).send('hello').result()
    await set.clock.advance(10_000)
    set.claw.kill()
    await store.index.clear(defaultTenant)
    store.opening = async () => {
      throw new BeamClawError('log-corrupt', 'a byte is wrong')
    }
    const claw = await set.restart()
    expect(await claw.session(key).exists()).toBe(true)
    expect(await claw.sessions()).toHaveLength(1)
    await expect(claw.session(key).history()).rejects.toMatchObject({ code: 'log-corrupt' })
  })

  test('that another owner has begun meanwhile is not said to be none', async () => {
    const { claw, store } = await up()
    const held = gate()
    const { deleteLog } = store
    store.deleteLog = async (...args) => held.promise.then(() => deleteLog.apply(store, args))
    const logKey = ['default', 'sessions', 'main', 'main'] as never
    await (await store.openLog(logKey, { epoch: 1, nonce: 'n' } as never)).close()
    const looked = claw.session(key).exists()
    await flushEventLoop()
    await store.openLog(logKey, { epoch: Number.MAX_SAFE_INTEGER, nonce: 'other' } as never)
    held.resolve()
    expect(await looked).toBe(true)
  })

  test('of another session that comes next in the order of keys is not this session', async () => {
    const { claw } = await up()
    await claw.session('agent:main:b').send('hello').result()
    expect(await claw.session('agent:main:a').exists()).toBe(false)
    expect(await claw.session('agent:main:b').exists()).toBe(true)
    expect(partTree(claw, 'sessions')?.children?.map(({ id }) => id)).toEqual(['agent:main:b'])
    await expect(claw.session('agent:main:a').history()).rejects.toMatchObject({ code: 'unknown-session' })
  })
})
