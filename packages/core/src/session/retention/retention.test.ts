import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { defineAgent } from '../../agent/agent.ts'
import type { RetentionOptions } from '../../agent/retention.ts'
import { BeamClawError } from '../../base/errors.ts'
import { defaultTenant, parseSessionKey } from '../../base/ids.ts'
import type { BeamClawOptions } from '../../beamclaw-options.ts'
import { FunctionModel, type Stage, stage } from '../../testing/model.ts'

const hour = 3_600_000
const day = 24 * hour

const echo = (): FunctionModel => new FunctionModel(({ messages }) => ({ text: `re: ${String(messages.at(-1)?.content)}` }))

/** An agent whose sessions are kept as told; what it logs is in `logged`. */
async function keeping(retention: RetentionOptions | undefined, options: Partial<BeamClawOptions> = {}, model = echo()) {
  const set = await stage(model, retention === undefined ? {} : { retention }, options)
  onTestFinished(() => void set.claw.kill())
  return set
}

const talk = async ({ claw }: Stage, id: string, text = 'hello', agent = 'main'): Promise<void> =>
  void (await claw.session(`agent:${agent}:${id}`).send(text).result())

/** Lets time pass, in steps in which a sweep has its turn. */
async function pass({ clock }: Stage, ms: number): Promise<void> {
  const until = clock.now() + ms
  while (clock.now() < until) {
    await clock.advance(Math.min(hour, until - clock.now()))
    for (let turn = 0; turn < 20; turn++) await flushEventLoop()
  }
}

const left = async ({ claw }: Stage): Promise<string[]> =>
  (await claw.sessions()).map(({ sessionKey }) => sessionKey.replace(/^agent:/, ''))

describe('without retention', () => {
  test('nothing is ever deleted', async () => {
    const set = await keeping(undefined)
    await talk(set, 'a')
    await pass(set, 40 * day)
    expect(await left(set)).toEqual(['main:a'])
  })
})

describe('retention by age', () => {
  test('deletes a session for good once its last record is older, and not before', async () => {
    const set = await keeping({ maxAgeMs: 3 * day })
    await talk(set, 'a')
    await pass(set, 2 * day)
    await talk(set, 'b')
    await pass(set, day - hour)
    expect(await left(set)).toEqual(['main:a', 'main:b'])
    await pass(set, 3 * hour)
    expect(await left(set)).toEqual(['main:b'])
    expect(await set.store.list([defaultTenant, 'sessions', 'main', 'a'])).toEqual([])
    expect(await set.store.readLog([defaultTenant, 'sessions', 'main', 'a'])).toBeUndefined()
    expect(await set.claw.session('agent:main:a').exists()).toBe(false)
  })

  test('keeps one that is used again, and one of another agent', async () => {
    const others = [
      defineAgent({ id: 'main', model: 'test/model', retention: { maxAgeMs: 3 * day } }),
      defineAgent({ id: 'mainly', model: 'test/model' }),
    ]
    const set = await keeping(undefined, { agents: others })
    for (const id of ['a', 'b']) await talk(set, id)
    await talk(set, 'a', 'hello', 'mainly')
    for (let round = 0; round < 4; round++) {
      await pass(set, 2 * day)
      await talk(set, 'a')
    }
    expect(await left(set)).toEqual(['main:a', 'mainly:a'])
  })

  test('begins when the agents are changed, and ends when they are changed back', async () => {
    const set = await keeping(undefined)
    await talk(set, 'a')
    await pass(set, 3 * day)
    expect(set.clock.pendingTimers).toBe(0)
    set.claw.updateAgents([defineAgent({ id: 'main', model: 'test/model', retention: { maxAgeMs: day } })])
    await pass(set, 2 * hour)
    expect(await left(set)).toEqual([])
    set.claw.updateAgents([defineAgent({ id: 'main', model: 'test/model' })])
    await talk(set, 'b')
    await pass(set, 3 * day)
    expect(await left(set)).toEqual(['main:b'])
    expect(set.clock.pendingTimers).toBe(0)
  })

  test('deletes many, and those that were there before the start', async () => {
    const set = await keeping({ maxAgeMs: day })
    for (let id = 0; id < 450; id++) await talk(set, `s${id}`)
    await pass(set, hour)
    const claw = await set.restart()
    expect(await claw.sessions()).toHaveLength(450)
    await pass(set, day + 2 * hour)
    expect(await left(set)).toEqual([])
    expect(await set.store.list([defaultTenant, 'sessions'])).toEqual([])
  })

  test('keeps a session whose run has not ended, also while nobody resumes it, and does not wake it', async () => {
    let isHeld = false
    const model = new FunctionModel(() => (isHeld ? new Promise(() => {}) : { text: 'after all' }))
    const set = await keeping({ maxAgeMs: day }, { resume: 'on-demand' }, model)
    await talk(set, 'a')
    await pass(set, hour)
    isHeld = true
    await set.claw.session('agent:main:a').send('hello', { idempotencyKey: 'one' }).accepted
    await flushEventLoop()
    await set.restart()
    await pass(set, 3 * day)
    expect(model.requests).toHaveLength(2)
    expect(await left(set)).toEqual(['main:a'])
    isHeld = false
    expect((await set.claw.session('agent:main:a').follow('one').result()).text).toBe('after all')
  })

  test('a session of which only settings are known is kept: it has no age', async () => {
    const set = await keeping({ maxAgeMs: day })
    await set.claw.session('agent:main:a').configure({ label: 'new' })
    await pass(set, 5 * day)
    expect(await left(set)).toEqual(['main:a'])
  })

  test('what was used since the index was read is kept: the session itself decides', async () => {
    const set = await keeping({ maxAgeMs: day })
    await talk(set, 'a')
    await pass(set, hour)
    const { index } = set.store
    const old = await index.page(defaultTenant, { sort: 'updatedAt', limit: 9 })
    // A sweep that has read its page before the message came.
    index.page = async (_tenant, { after }) => (after?.sessionKey === '' ? old : [])
    await pass(set, 6 * hour)
    await talk(set, 'a', 'just now')
    await pass(set, day - hour)
    expect((await set.claw.session('agent:main:a').history()).total).toBe(4)
  })

  test('one that cannot be read hinders none of the others; a store that fails is tried again', async () => {
    const set = await keeping({ maxAgeMs: day })
    for (const id of ['a', 'b', 'c']) await talk(set, id)
    await pass(set, hour)
    const { openLog } = set.store
    let isFull = true
    set.store.openLog = async (key, token) => {
      if (key[3] === 'a') throw new BeamClawError('log-corrupt', 'a byte is wrong')
      if (isFull && key[3] === 'b') throw new BeamClawError('store-io', 'EIO')
      return openLog.call(set.store, key, token)
    }
    await pass(set, day + 2 * hour)
    expect(await left(set)).toContain('main:b')
    isFull = false
    await pass(set, 2 * hour)
    expect(await left(set)).toEqual(['main:a'])
  })

  test('a stop waits for the deletion under way, and no sweep comes after it', async () => {
    const set = await keeping({ maxAgeMs: day })
    for (const id of ['a', 'b']) await talk(set, id)
    await pass(set, hour)
    await set.claw.stop()
    expect(set.clock.pendingTimers).toBe(0)
  })
})

describe('retention by size', () => {
  const long = 'x'.repeat(10_000)

  test('deletes what was not used for the longest time until the rest fits, and keeps the newest whatever it takes', async () => {
    const set = await keeping({ maxBytes: 100_000 })
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await talk(set, id, long)
      await pass(set, 10_000)
    }
    await talk(set, 'a', 'again')
    await pass(set, 2 * hour)
    const kept = await left(set)
    expect(kept).toContain('main:a')
    expect(kept).not.toContain('main:b')
    const entries = await set.store.index.page(defaultTenant, { sort: 'key', limit: 99 })
    const total = entries.reduce((sum, { bytes = 0 }) => sum + bytes, 0)
    expect(total).toBeLessThanOrEqual(100_000)
    expect(total).toBeGreaterThan(50_000)
    await talk(set, 'huge', long.repeat(20))
    await pass(set, 2 * hour)
    expect(await left(set)).toEqual(['main:huge'])
  })

  test('counts what a session took in all its lives, snapshots or not', async () => {
    const set = await keeping(undefined)
    const bytes = async (): Promise<number> => (await set.store.index.get(defaultTenant, [parseSessionKey('agent:main:a')]))[0]?.bytes ?? 0
    let before = 0
    for (let life = 0; life < 5; life++) {
      for (let count = 0; count < 30; count++) await talk(set, 'a', 'x'.repeat(500))
      await pass(set, hour)
      expect((await bytes()) - before).toBeGreaterThan(30 * 1_000)
      before = await bytes()
      await set.restart()
    }
    const page = await set.store.readLog([defaultTenant, 'sessions', 'main', 'a'], { limit: 10_000 })
    const real = JSON.stringify(page?.records).length
    expect(before / real).toBeGreaterThan(0.6)
    expect(before / real).toBeLessThan(1.5)
  })
})

test('attachments count for the size, and not for when a snapshot is due', async () => {
  const set = await keeping({ maxBytes: 3_000_000 })
  const data = Buffer.alloc(1_000_000, 7).toString('base64')
  let snapshots = 0
  const { openLog } = set.store
  set.store.openLog = async (key, token) => {
    const log = await openLog.call(set.store, key, token)
    const { snapshot } = log
    log.snapshot = (...given) => {
      if (key[1] === 'sessions') snapshots++
      return snapshot.apply(log, given)
    }
    return log
  }
  const image = [{ type: 'image', mediaType: 'image/png', data }] as const
  for (const id of ['a', 'b', 'c']) {
    await set.claw.session(`agent:main:${id}`).send(image).result()
    await pass(set, 10_000)
  }
  expect(await left(set)).toHaveLength(3)
  expect(snapshots).toBe(0)
  await set.claw.session('agent:main:d').send(image).result()
  await pass(set, 2 * hour)
  expect(await left(set)).not.toContain('main:b')
  expect(await left(set)).toContain('main:d')
  expect(await set.store.blobs.list([defaultTenant, 'sessions', 'main', 'b'])).toEqual([])
})

test.each([
  [{ maxAgeMs: 0 }, 'maxAgeMs'],
  [{ maxBytes: -1 }, 'maxBytes'],
  [{ maxDays: 3 }, 'maxDays'],
])('an agent with the retention %o is refused', (retention, name) => {
  expect(() => defineAgent({ id: 'main', model: 'test/model', retention: retention as RetentionOptions })).toThrow(name)
})
