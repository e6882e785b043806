/** The index is a cache: whatever happens to it, each session is listed again, and what has work is woken. */
import { silentLogger } from '@beamclaw/actor'
import { flushEventLoop, gate, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { wrapIndex } from '../../adapter/wrap-index.ts'
import { wrapStore } from '../../adapter/wrap-store.ts'
import { BeamClawError } from '../../base/errors.ts'
import { defaultTenant, parseSessionKey, type TenantId } from '../../base/ids.ts'
import type { BeamClawOptions } from '../../beamclaw-options.ts'
import { MemoryStore } from '../../defaults/memory-store.ts'
import type { SessionIndex } from '../../ports/session-index.ts'
import type { Store } from '../../ports/store.ts'
import type { RunningBeamClaw } from '../../running-beamclaw.ts'
import { FunctionModel, type Stage, stage } from '../../testing/model.ts'
import { rebuildIndex } from './rebuild-index.ts'
import { surveySession } from './survey-session.ts'

const echo = (): FunctionModel => new FunctionModel(({ messages }) => ({ text: `re: ${String(messages.at(-1)?.content)}` }))

async function up(options: Partial<BeamClawOptions> = {}, model = echo()): Promise<Stage> {
  const set = await stage(model, {}, options)
  onTestFinished(() => void set.claw.kill())
  return set
}

/** Three sessions at rest, one of them with settings alone. */
async function three(clock = new ManualClock()): Promise<Stage> {
  const set = await up({ services: { clock, logger: silentLogger } })
  await set.claw.session('agent:main:a').send('first').result()
  await clock.advance(1_000)
  await set.claw.session('agent:main:b').configure({ label: 'bare' })
  await set.claw.session('agent:main:c').send('last').result()
  await set.claw.session('agent:main:c').configure({ owner: 'ada' })
  await clock.advance(10_000)
  await flushEventLoop()
  return set
}

const shown = async (claw: RunningBeamClaw): Promise<unknown> =>
  (await claw.sessions({ sort: 'updatedAt' })).map(({ sessionKey, createdAt, updatedAt, preview, settings }) => ({
    key: sessionKey.slice(-1),
    createdAt,
    updatedAt,
    preview,
    settings,
  }))

function withIndex(own: (index: SessionIndex) => Partial<SessionIndex>): { readonly memory: MemoryStore; readonly store: Store } {
  const memory = new MemoryStore()
  return { memory, store: wrapStore(memory, { index: wrapIndex(memory.index, own(memory.index)) }) }
}

function heldModel(): { readonly model: FunctionModel; release: () => void } {
  let isHeld = true
  const model = new FunctionModel(() => (isHeld ? new Promise(() => {}) : { text: 'after all' }))
  return {
    model,
    release: () => {
      isHeld = false
    },
  }
}

describe('an index that was lost', () => {
  test('is filled again from the journals, and lists are as before', async () => {
    const set = await three()
    const before = await shown(set.claw)
    set.claw.kill()
    const lost = await up({ store: await copyWithoutIndex(set.store) })
    expect(await shown(lost.claw)).toEqual(before)
    expect((await lost.claw.sessions({ label: 'bare' })).length).toBe(1)
    expect((await lost.claw.sessions({ owner: 'ada' })).length).toBe(1)
  })

  test('is filled while BeamClaw runs, when it is found to be incomplete by a list', async () => {
    const set = await three()
    const before = await shown(set.claw)
    await set.store.index.clear(defaultTenant)
    expect(await shown(set.claw)).toEqual(before)
    expect(await set.store.index.status(defaultTenant)).toEqual({ isComplete: true })
  })

  test('a list that met the damage itself is not shown in part', async () => {
    let isDamaged = false
    const memory = new MemoryStore()
    const index = wrapIndex(memory.index, {
      page: async (tenant, query) => {
        if (isDamaged) await memory.index.clear(tenant)
        isDamaged = false
        return await memory.index.page(tenant, query)
      },
    })
    const set = await up({ store: wrapStore(memory, { index, stop: async () => {} }) })
    await set.claw.session('agent:main:a').send('first').result()
    await set.clock.advance(10_000)
    isDamaged = true
    expect((await set.claw.sessions()).map(({ preview }) => preview)).toEqual(['re: first'])
  })

  test('of one tenant is filled for that tenant alone', async () => {
    const set = await up({ tenants: ['default', 'acme'] } as never)
    await set.claw.session('agent:main:a').send('mine').result()
    await set.claw.tenant('acme').session('agent:main:a').send('theirs').result()
    await set.clock.advance(10_000)
    await set.store.index.clear(defaultTenant)
    expect((await set.claw.sessions()).map(({ preview }) => preview)).toEqual(['re: mine'])
    expect((await set.claw.tenant('acme').sessions()).map(({ preview }) => preview)).toEqual(['re: theirs'])
    expect(await set.store.index.page('acme' as TenantId, { sort: 'key', limit: 9 })).toMatchObject([{ preview: 're: theirs' }])
  })
})

async function copyWithoutIndex(from: Store): Promise<MemoryStore> {
  const to = new MemoryStore()
  for (const key of await from.list([defaultTenant])) {
    const document = await from.get(key)
    if (document !== undefined) await to.put(key, document.value)
    const page = await from.readLog(key)
    if (page === undefined || page.records.length === 0) continue
    const log = await to.openLog(key, { epoch: 1, nonce: 'copy' })
    await log.append(page.records)
    await log.close()
  }
  return to
}

describe('while the index is filled', () => {
  /** A BeamClaw whose filling has read the sessions, and has not written them. */
  async function held(clock = new ManualClock()) {
    const source = await three(clock)
    source.claw.kill()
    await source.store.index.clear(defaultTenant)
    const held = gate()
    const waits = gate()
    const memory = source.store
    let reads = 0
    const readLog: Store['readLog'] = async (key, options) => {
      const page = await memory.readLog(key, options)
      if (++reads > 3) return page
      if (reads === 3) waits.resolve()
      await held.promise
      return page
    }
    const logged: [string, unknown][] = []
    const logger = { log: (_: string, event: string, fields: unknown) => void logged.push([event, fields]) }
    const options = { store: wrapStore(memory, { readLog, stop: async () => {} }), services: { clock, logger } }
    const set = await up(options)
    await waits.promise
    return { set, clock, release: () => held.resolve(), logged, memory }
  }

  test('a list waits for it, and sessions work', async () => {
    const { set, release } = await held()
    const list = shown(set.claw)
    expect((await set.claw.session('agent:main:a').send('meanwhile').result()).text).toBe('re: meanwhile')
    release()
    expect(await list).toMatchObject([{ key: 'a' }, { key: 'c' }, { key: 'b' }])
  })

  test('a list that has waited for ten seconds is refused, with what to do', async () => {
    const { set, clock, release } = await held()
    const list = set.claw.sessions().catch((error: unknown) => error)
    await clock.advance(9_999)
    let isOver = false
    void list.then(() => {
      isOver = true
    })
    await flushEventLoop()
    expect(isOver).toBe(false)
    await clock.advance(1)
    const error = await list
    expect(error).toMatchObject({ code: 'index-rebuilding', kind: 'busy', isRetryable: true, details: { done: 0 } })
    expect(String(error)).toContain('try again later')
    release()
    expect(await set.claw.sessions()).toHaveLength(3)
  })

  test('sessions in memory are newer than what was read', async () => {
    const { set, clock, release, memory } = await held()
    await set.claw.session('agent:main:a').send('meanwhile').result()
    await set.claw.session('agent:main:c').delete()
    await clock.advance(10_000)
    expect(await memory.index.page(defaultTenant, { sort: 'key', limit: 9 })).toMatchObject([{ preview: 're: meanwhile' }])
    release()
    expect(await shown(set.claw)).toMatchObject([{ key: 'a', preview: 're: meanwhile' }, { key: 'b' }])
    expect(await memory.index.page(defaultTenant, { sort: 'key', limit: 9 })).toMatchObject([
      { preview: 're: meanwhile' },
      { settings: { label: 'bare' } },
    ])
  })

  test('the log tells why, how far it is, and when it is done', async () => {
    const { set, release, logged } = await held()
    release()
    await set.claw.sessions()
    expect(logged.filter(([event]) => event.startsWith('index.'))).toEqual([
      ['index.rebuilding', { tenant: 'default', reason: 'it is new', done: 3, withWork: 0, unreadable: 0 }],
      ['index.rebuilt', { tenant: 'default', done: 3, withWork: 0, unreadable: 0, ms: 0 }],
    ])
  })

  test.each(['stop', 'kill'] as const)('a %s ends it at once, and the next process begins it anew', async (how) => {
    const { set, release, memory } = await held()
    if (how === 'kill') set.claw.kill()
    else {
      const stopped = set.claw.stop()
      release()
      await stopped
    }
    release()
    await flushEventLoop()
    expect(await memory.index.status(defaultTenant)).toMatchObject({ isComplete: false })
    const next = await up({ store: memory })
    expect(await next.claw.sessions()).toHaveLength(3)
  })

  test('a failure is tried again, and lists are refused until then', async () => {
    let failures = 2
    const { memory, store } = withIndex((index) => ({
      complete: async (tenant) => {
        if (failures-- > 0) throw new BeamClawError('store-full', 'no room')
        await index.complete(tenant)
      },
    }))
    const log = await memory.openLog([defaultTenant, 'sessions', 'main', 'a'], { epoch: 1, nonce: 'a' })
    await log.append([{ seq: 1, type: 'run-pause', id: '1', ts: 5, data: { runId: 'r' } }])
    const set = await up({ store })
    const first = set.claw.sessions()
    await set.clock.advance(1_000)
    await set.clock.advance(2_000)
    expect(await first).toHaveLength(1)
  })
})

test('an index is complete only when all sessions are in it', async () => {
  const set = await three()
  set.claw.kill()
  await set.store.index.clear(defaultTenant)
  const states: boolean[] = []
  const ended = rebuildIndex(set.store, defaultTenant, {
    put: async (entries) => {
      states.push((await set.store.index.status(defaultTenant)).isComplete)
      await set.store.index.put(defaultTenant, entries)
      throw new BeamClawError('store-full', 'no room')
    },
  })
  await expect(ended).rejects.toMatchObject({ code: 'store-full' })
  expect((await set.store.index.status(defaultTenant)).isComplete).toBe(false)
  expect(states).toEqual([false])
  const progress: unknown[] = []
  expect(await rebuildIndex(set.store, defaultTenant, { onProgress: (step) => void progress.push(step.progress) })).toEqual({
    done: 3,
    withWork: 0,
    unreadable: 0,
  })
  expect(progress).toEqual([{ done: 3, withWork: 0, unreadable: 0 }])
  expect((await set.store.index.status(defaultTenant)).isComplete).toBe(true)
})

describe('a survey of a session', () => {
  test('tells what a list shows, and whether there is work, and opens no log', async () => {
    const { model } = heldModel()
    const set = await up({}, model)
    await set.claw.session('agent:main:a').send('hello', { idempotencyKey: 'one' }).accepted
    await set.claw.session('agent:main:b').configure({ title: 'mine' })
    await flushEventLoop()
    const { openLog } = set.store
    set.store.openLog = () => Promise.reject(new Error('a survey opens nothing'))
    onTestFinished(() => {
      set.store.openLog = openLog
    })
    const survey = (name: string) => surveySession(set.store, defaultTenant, parseSessionKey(`agent:main:${name}`))
    expect(await survey('a')).toMatchObject({ entry: { preview: 'hello', settings: {} }, hasWork: true })
    expect(await survey('b')).toEqual({ entry: { sessionKey: 'agent:main:b', settings: { title: 'mine' } }, hasWork: false })
    expect(await survey('none')).toBeUndefined()
  })

  test('of a damaged journal tells what could be read, and counts it as without work', async () => {
    const set = await three()
    set.claw.kill()
    const key = parseSessionKey('agent:main:c')
    const { readLog } = set.store
    set.store.readLog = (logKey, options) =>
      logKey[3] === 'c' ? Promise.reject(new BeamClawError('log-corrupt', 'a byte is wrong')) : readLog.call(set.store, logKey, options)
    expect(await surveySession(set.store, defaultTenant, key)).toEqual({
      entry: { sessionKey: key, settings: { owner: 'ada' } },
      hasWork: false,
      damage: expect.stringContaining('a byte is wrong'),
    })
    await set.store.index.clear(defaultTenant)
    const logged: [string, unknown][] = []
    const logger = { log: (_: string, event: string, fields: unknown) => void logged.push([event, fields]) }
    const next = await up({ store: set.store, services: { clock: set.clock, logger } })
    expect((await next.claw.sessions()).map(({ preview }) => preview)).toEqual(['re: first', undefined, undefined])
    expect(logged).toContainEqual(['index.session-unreadable', { session: key, error: expect.stringContaining('a byte is wrong') }])
  })
})

describe('sessions with work that only their journals tell', () => {
  async function interrupted(
    options: Partial<BeamClawOptions> = {},
  ): Promise<{ readonly store: MemoryStore; readonly set: Stage; readonly model: FunctionModel }> {
    const { model, release } = heldModel()
    const set = await up({}, model)
    await set.claw.session('agent:main:a').send('hello', { idempotencyKey: 'one' }).accepted
    await set.claw.session('agent:main:z').configure({ label: 'idle' })
    await flushEventLoop()
    set.claw.kill()
    release()
    // The list of busy sessions and the index are gone.
    const store = await copyWithoutIndex(set.store)
    await store.delete([defaultTenant, 'activity'])
    return { store, set: await up({ store, ...options }, model), model }
  }

  test('are woken at the start, and no others', async () => {
    const { set, model } = await interrupted()
    expect(await set.claw.resumed).toBe(1)
    expect((await set.claw.session('agent:main:a').follow('one').result()).text).toBe('after all')
    expect(model.requests).toHaveLength(2)
    expect(await set.claw.sessions()).toHaveLength(2)
  })

  test('are left alone until they are used, when that is asked for', async () => {
    const { set, model } = await interrupted({ resume: 'on-demand' })
    expect(await set.claw.resumed).toBe(0)
    expect((await set.claw.sessions()).map(({ preview }) => preview)).toEqual(['hello', undefined])
    expect(model.requests).toHaveLength(1)
    expect(await set.claw.resume()).toBe(1)
    expect((await set.claw.session('agent:main:a').follow('one').result()).text).toBe('after all')
  })

  test('are found by the next process when this one ends before', async () => {
    const { store, set, model } = await interrupted({ resume: 'on-demand' })
    set.claw.kill()
    await store.index.clear(defaultTenant)
    const next = await up({ store }, model)
    await next.claw.sessions()
    expect((await next.claw.session('agent:main:a').follow('one').result()).text).toBe('after all')
  })
})

describe('a session that is not in the index', () => {
  test('is in it after its first use', async () => {
    const set = await three()
    await set.store.index.delete(defaultTenant, [parseSessionKey('agent:main:a')])
    const claw = await set.restart()
    expect(await claw.sessions()).toHaveLength(2)
    await claw.session('agent:main:a').history()
    await flushEventLoop()
    expect((await claw.sessions()).map(({ preview }) => preview)).toEqual(['re: first', undefined, 're: last'])
  })

  test('whose journal was deleted by hand is listed until it is looked for', async () => {
    const set = await three()
    set.claw.kill()
    await set.store.delete([defaultTenant, 'sessions', 'main', 'a'])
    const next = await up({ store: set.store })
    expect(await next.claw.sessions()).toHaveLength(3)
    expect(await next.claw.session('agent:main:a').exists()).toBe(false)
    await flushEventLoop()
    expect(await next.claw.sessions()).toHaveLength(2)
  })

  test('is listed while it is being written, after a write that failed, and after a crash meanwhile', async () => {
    let isBroken = true
    const { store } = withIndex((index) => ({
      put: async (tenant, entries) => {
        if (isBroken) throw new BeamClawError('store-full', 'no room')
        await index.put(tenant, entries)
      },
    }))
    const kept = wrapStore(store, { stop: async () => {} })
    const set = await up({ store: kept })
    await set.claw.session('agent:main:a').send('hello').result()
    expect(await set.claw.sessions()).toHaveLength(1)
    await set.clock.advance(60_000)
    expect(await set.claw.sessions()).toMatchObject([{ preview: 're: hello' }])
    const claw = await set.restart()
    isBroken = false
    await claw.resumed
    expect(await claw.sessions()).toMatchObject([{ preview: 're: hello' }])
    await set.clock.advance(60_000)
    expect(await (await set.restart()).sessions()).toMatchObject([{ preview: 're: hello' }])
  })

  test('is written without what makes it large, when it is too large for the store', async () => {
    const store = new MemoryStore({ maxDocumentBytes: 1_000 })
    const { put } = store.index
    store.index.put = async (tenant, entries) => {
      if (JSON.stringify(entries).length > 300) throw new BeamClawError('document-too-large', 'more than 300 bytes')
      await put.call(store.index, tenant, entries)
    }
    const set = await up({ store })
    await set.claw.session('agent:main:a').configure({ owner: 'ada', data: { text: 'x'.repeat(400) } })
    await set.clock.advance(60_000)
    expect(await (await set.restart()).sessions({ owner: 'ada' })).toHaveLength(1)
  })
})
