import { silentLogger, systemServices } from '@beamclaw/actor'
import { flushEventLoop, gate, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test, vi } from 'vitest'
import { wrapStore } from '../../adapter/wrap-store.ts'
import { BeamClawError } from '../../base/errors.ts'
import { defaultTenant, parseSessionKey } from '../../base/ids.ts'
import { MemoryStore } from '../../defaults/memory-store.ts'
import { SoloCluster } from '../../defaults/solo-cluster.ts'
import type { Store } from '../../ports/store.ts'
import { TroubledStore } from '../../testing/troubled-store.ts'
import { ActivityLog } from './activity-log.ts'

const [first, second] = [parseSessionKey('agent:main:first'), parseSessionKey('agent:main:second')]
const longerThanAnyoneLingers = 60_000

/** Opens the list of busy sessions, as one process after the other does. */
function processes(store = new MemoryStore()) {
  const clock = new ManualClock()
  const services = systemServices({ clock, logger: silentLogger })
  return {
    clock,
    open: async (onLost?: (error: BeamClawError) => void) => {
      const cluster = new SoloCluster({ now: () => clock.now() })
      const log = new ActivityLog({ tenant: defaultTenant, store, cluster, services, ...(onLost && { onLost }) })
      return { log, found: await log.open() }
    },
  }
}

test('a session is on record from the beginning of its work until some time after its end', async () => {
  const { open, clock } = processes()
  const one = await open()
  await one.log.begin(first)
  await one.log.begin(second)
  one.log.end(first)
  await clock.advance(longerThanAnyoneLingers)
  expect((await open()).found).toEqual([second])
})

test('what ends after a kill is not written down: it may be at work again elsewhere', async () => {
  const { open, clock } = processes()
  const killed = await open()
  await killed.log.begin(first)
  await killed.log.begin(second)
  killed.log.kill()
  const next = await open()
  await next.log.begin(first)
  await next.log.begin(second)
  for (const key of [first, second]) {
    killed.log.end(key)
    await clock.advance(longerThanAnyoneLingers)
  }
  await killed.log.close()
  expect((await open()).found).toEqual([first, second])
})

test('an opening that is under way at a kill does not take the list from its next owner', async () => {
  const store = new MemoryStore()
  const held = gate()
  const slow = wrapStore(store, { openLog: (key, token) => held.promise.then(() => store.openLog(key, token)) })
  const services = systemServices({ clock: new ManualClock(), logger: silentLogger })
  const listOver = (over: Store, now: number) =>
    new ActivityLog({ tenant: defaultTenant, store: over, cluster: new SoloCluster({ now: () => now }), services })
  const killed = listOver(slow, 1_000)
  const opening = killed.open()
  opening.catch(() => {})
  await flushEventLoop()
  const next = listOver(store, 2_000)
  await next.open()
  killed.kill()
  held.resolve()
  await expect(opening).rejects.toMatchObject({ code: 'fenced' })
  await expect(killed.begin(first)).rejects.toMatchObject({ code: 'actor-not-running' })
  await next.begin(second)
})

test('who has a later owner takes nothing back, and begins nothing', async () => {
  const { open, clock } = processes()
  const isTold = vi.fn()
  const earlier = await open(isTold)
  await earlier.log.begin(first)
  const later = await open()
  await later.log.begin(first)
  earlier.log.end(first)
  await clock.advance(longerThanAnyoneLingers)
  await expect(earlier.log.begin(second)).rejects.toMatchObject({ code: 'fenced' })
  await expect(earlier.log.begin(second)).rejects.toMatchObject({ code: 'fenced' })
  expect(isTold).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'fenced' }))
  await later.log.begin(second)
  expect((await open()).found).toEqual([first, second])
})

test('a write that fails late does not concern the log that was opened since', async () => {
  const answers = [gate(), gate(), gate()]
  let calls = 0
  const store = new TroubledStore('activity')
  store.before = async () => answers[calls++]?.promise
  const isTold = vi.fn()
  const { log } = await processes(store).open(isTold)
  const one = log.begin(first)
  const two = log.begin(second)
  await flushEventLoop()
  answers[0]?.reject(new BeamClawError('store-io', 'broken disk'))
  await expect(one).rejects.toMatchObject({ code: 'store-io' })
  const again = log.begin(first)
  await flushEventLoop()
  // The handle that it wrote through was given up for another one.
  answers[1]?.resolve()
  await expect(two).rejects.toMatchObject({ code: 'fenced' })
  answers[2]?.resolve()
  await again
  await log.begin(second)
  expect(isTold).not.toHaveBeenCalled()
})

describe('the name of a deleted session', () => {
  const soonAfter = 3_000
  const writtenIn = async (store: MemoryStore): Promise<string> => {
    const log = await store.openLog([defaultTenant, 'activity'], { epoch: Number.MAX_SAFE_INTEGER, nonce: 'reader' })
    return JSON.stringify(await log.read())
  }

  test.each(['lives on', 'is closed', 'dies, and the next one lives on'])('is gone from the list when its process %s', async (what) => {
    const store = new MemoryStore()
    const { open, clock } = processes(store)
    const { log } = await open()
    await log.begin(first)
    await log.begin(second)
    await log.forget(first)
    if (what === 'is closed') await log.close()
    else if (what === 'lives on') await clock.advance(soonAfter)
    else {
      log.kill()
      expect((await open()).found).toEqual([second])
      await clock.advance(soonAfter)
    }
    await flushEventLoop()
    const text = await writtenIn(store)
    expect(text).not.toContain(first)
    if (what !== 'is closed') expect(text).toContain(second)
  })

  test('goes with the next attempt when the store refuses the first', async () => {
    const store = new MemoryStore()
    const { open, clock } = processes(store)
    const openLog = store.openLog.bind(store)
    let refusals = 1
    store.openLog = async (key, token) => {
      const log = await openLog(key, token)
      const snapshot = log.snapshot.bind(log)
      log.snapshot = async (...given) => {
        if (refusals-- > 0) throw new BeamClawError('store-full', 'no room')
        await snapshot(...given)
      }
      return log
    }
    const { log } = await open()
    await log.begin(first)
    await log.forget(first)
    await clock.advance(soonAfter)
    await clock.advance(soonAfter)
    await flushEventLoop()
    store.openLog = openLog
    expect(await writtenIn(store)).not.toContain(first)
  })
})

describe('a list of busy sessions that is damaged or lost', () => {
  function lists(store: MemoryStore) {
    const cluster = new SoloCluster()
    const events: string[] = []
    const logger = { log: (level: string, event: string) => void events.push(`${level} ${event}`) }
    const open = async () => {
      const log = new ActivityLog({ tenant: defaultTenant, store, cluster, services: systemServices({ logger }) })
      const busy = await log.open()
      log.kill()
      return { busy, wasLost: log.wasLost }
    }
    return { open, events }
  }
  const begin = async (store: MemoryStore, id: string): Promise<void> => {
    const log = await store.openLog([defaultTenant, 'sessions', 'main', id], { epoch: 1, nonce: 'x' })
    await log.append([{ seq: 1, type: 'run-pause', id: '1', ts: 1, data: { runId: 'r' } }])
  }

  test('is begun anew beside the damaged one, and the index is cleared, so that the journals say who has work', async () => {
    const store = new MemoryStore()
    const openLog = store.openLog.bind(store)
    store.openLog = async (key, token) => {
      if (key.join('/') === 'default/activity') throw new BeamClawError('log-corrupt', 'one byte is another one')
      return openLog(key, token)
    }
    const { open, events } = lists(store)
    expect(await open()).toEqual({ busy: [], wasLost: false })
    await begin(store, 'a')
    await store.index.complete(defaultTenant)
    expect(await open()).toEqual({ busy: [], wasLost: true })
    expect(events).toEqual(['error activity.damaged', 'error activity.damaged', 'warn activity.lost'])
    expect(await store.index.status(defaultTenant)).toMatchObject({ isComplete: false })
  })

  test('is not lost twice: what was begun is gone on with', async () => {
    const store = new MemoryStore()
    const { open } = lists(store)
    await begin(store, 'a')
    await begin(store, 'b')
    await store.index.complete(defaultTenant)
    expect(await open()).toEqual({ busy: [], wasLost: true })
    await store.index.complete(defaultTenant)
    expect(await open()).toEqual({ busy: [], wasLost: false })
    expect(await store.index.status(defaultTenant)).toEqual({ isComplete: true })
  })

  test('is seen to again when the process ended before the index was cleared', async () => {
    const store = new MemoryStore()
    const { open } = lists(store)
    await begin(store, 'a')
    const { clear } = store.index
    store.index.clear = async () => {
      throw new BeamClawError('store-io', 'the machine stops')
    }
    await expect(open()).rejects.toMatchObject({ code: 'store-io' })
    store.index.clear = clear
    expect(await open()).toEqual({ busy: [], wasLost: true })
  })
})

test('a session stays listed until its entry is written', async () => {
  const clock = new ManualClock()
  const store = new MemoryStore()
  let isBroken = true
  const make = () =>
    new ActivityLog({
      tenant: defaultTenant,
      store,
      cluster: new SoloCluster({ now: () => clock.now() }),
      services: systemServices({ clock, logger: silentLogger }),
      beforeIdle: async () => {
        if (isBroken) throw new BeamClawError('store-full', 'no room')
      },
    })
  const log = make()
  await log.open()
  await log.begin(first)
  log.end(first)
  await clock.advance(60_000)
  expect(log.listed).toEqual([first])
  expect(log.busy).toEqual([])
  isBroken = false
  await clock.advance(60_000)
  expect(log.listed).toEqual([])
  isBroken = true
  await log.begin(second)
  log.end(second)
  await log.close()
  expect(await make().open()).toEqual([second])
})

test.each([
  ['on the way to the store is written over a new way', true, 'resolved'],
  ['of the store itself is one of the caller', false, 'store-io'],
])('a change that fails %s', async (_, isRetryable, outcome) => {
  const store = new MemoryStore()
  let openings = 0
  const shaken = wrapStore(store, {
    openLog: async (key, token) => {
      const log = await store.openLog(key, token)
      if (++openings > 1) return log
      const append = (): Promise<never> => Promise.reject(new BeamClawError('store-io', 'not reached', { isRetryable }))
      return { append, read: (fromSeq) => log.read(fromSeq), snapshot: (...args) => log.snapshot(...args), close: () => log.close() }
    },
  })
  const { open } = processes(shaken as MemoryStore)
  const { log } = await open()
  expect(
    await log.begin(first).then(
      () => 'resolved',
      ({ code }) => code,
    ),
  ).toBe(outcome)
  log.kill()
  expect((await processes(store).open()).found).toEqual(outcome === 'resolved' ? [first] : [])
})
