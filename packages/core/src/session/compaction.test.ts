import { silentLogger, systemServices } from '@beamclaw/actor'
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { wrapLog } from '../adapter/wrap-log.ts'
import { BeamClawError } from '../base/errors.ts'
import { defaultTenant, sessionKey } from '../base/ids.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { SoloCluster } from '../defaults/solo-cluster.ts'
import type { LogSnapshot } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { ActivityLog } from './activity/activity-log.ts'

const key = 'agent:main:main'

/** A store that calls back before each snapshot of a session. */
function watchedStore(onCompact: (snapshot: LogSnapshot, lastSeq: number) => void) {
  const store = new MemoryStore()
  const openLog = store.openLog.bind(store)
  let opened = 0
  store.openLog = async (logKey: StoreKey, token) => {
    const log = await openLog(logKey, token)
    if (logKey[1] !== 'sessions') return log
    opened++
    let lastSeq = 0
    let broken: unknown
    const guard = (): void => {
      if (broken !== undefined) throw broken
    }
    const watched = wrapLog(log, {
      append: async (records) => {
        guard()
        await log.append(records)
        lastSeq = records.at(-1)?.seq ?? lastSeq
      },
      snapshot: async (snapshot) => {
        guard()
        try {
          onCompact(snapshot, lastSeq)
        } catch (error) {
          broken = error
          throw error
        }
        await log.snapshot(snapshot)
      },
    })
    return watched
  }
  return { store, opened: () => opened }
}

async function fill(set: Awaited<ReturnType<typeof stage>>, messages: number): Promise<void> {
  for (let index = 0; index < messages; index++) {
    await set.claw
      .session(key)
      .send(`message ${index}`, { idempotencyKey: `key-${index}` })
      .result()
  }
  await flushEventLoop()
}

describe('a snapshot of a session', () => {
  test('takes the place of every record there is, the last one too', async () => {
    const taken: (readonly [number, number])[] = []
    const { store } = watchedStore(({ seq }, lastSeq) => void taken.push([seq, lastSeq]))
    const set = await stage(new FunctionModel((_request, index) => ({ text: `answer ${index}` })), {}, { store })
    await fill(set, 45)
    expect(taken.length).toBeGreaterThan(0)
    for (const [seq, lastSeq] of taken) expect(seq).toBe(lastSeq)
  })

  test('that is under way is waited for by a deletion', async () => {
    const done: string[] = []
    const held = Promise.withResolvers<void>()
    const store = new MemoryStore()
    const { openLog, deleteLog } = store
    store.openLog = async (logKey, token) => {
      const log = await openLog.call(store, logKey, token)
      if (logKey[1] !== 'sessions') return log
      const snapshot = async (taken: LogSnapshot): Promise<void> => {
        done.push('begun')
        await held.promise
        await log.snapshot(taken)
        done.push('snapshot')
      }
      return wrapLog(log, { snapshot })
    }
    store.deleteLog = async (...args) => {
      done.push('deleted')
      return deleteLog.apply(store, args)
    }
    const set = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
    for (let index = 0; !done.includes('begun'); index++) await set.claw.session(key).send(`message ${index}`).result()
    const deleted = set.claw.session(key).delete()
    await flushEventLoop()
    expect(done).toEqual(['begun'])
    held.resolve()
    await deleted
    expect(done).toEqual(['begun', 'snapshot', 'deleted'])
    expect(await set.claw.session(key).exists()).toBe(false)
    await set.claw.stop()
  })

  test('keeps what came of every run, that of the last one too', async () => {
    const { store } = watchedStore(() => {})
    const set = await stage(new FunctionModel((_request, index) => ({ text: `answer ${index}` })), {}, { store })
    for (let index = 0; index < 45; index++) {
      await set.claw
        .session(key)
        .send(`message ${index}`, { idempotencyKey: `key-${index}` })
        .result()
      await flushEventLoop()
      await set.restart()
      expect(await set.claw.session(key).follow(`key-${index}`).result()).toMatchObject({
        text: `answer ${index}`,
        usage: { inputTokens: 10 },
      })
    }
  })

  test('that cannot be written is told, and the session goes on from what it had', async () => {
    let failures = 1
    const told: string[] = []
    const { store, opened } = watchedStore(() => {
      if (failures-- > 0) throw new BeamClawError('store-io', 'broken disk')
    })
    const clock = new ManualClock()
    const logger = { log: (_: string, event: string, fields: object = {}) => void told.push(`${event} ${JSON.stringify(fields)}`) }
    const set = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store, services: { clock, logger } })
    await fill(set, 41)
    expect(told.find((line) => line.startsWith('session.journal-failed'))).toContain('broken disk')
    expect(opened()).toBe(2)
    expect((await set.claw.session(key).history()).total).toBe(82)
    expect((await set.claw.session(key).send('next').result()).text).toBe('fine')
  })
})

describe('a snapshot of who is busy', () => {
  test('has every session that is, and when the others were last at work', async () => {
    const store = new MemoryStore()
    const compacted: number[] = []
    const openLog = store.openLog.bind(store)
    store.openLog = async (logKey, token) => {
      const log = await openLog(logKey, token)
      const take = log.snapshot.bind(log)
      log.snapshot = (snapshot) => {
        compacted.push(snapshot.seq)
        return take(snapshot)
      }
      return log
    }
    const clock = new ManualClock()
    const open = () =>
      new ActivityLog({
        tenant: defaultTenant,
        store,
        cluster: new SoloCluster(),
        services: systemServices({ clock, logger: silentLogger }),
      })
    const first = open()
    await first.open()
    const keys = Array.from({ length: 10_050 }, (_, index) => sessionKey('main', `s${index}`))
    for (const each of keys) await first.begin(each)
    for (const each of keys.slice(100, 120)) first.end(each)
    await clock.advance(10_000)
    expect(compacted).toEqual([10_000])
    first.kill()
    const next = open()
    expect([...(await next.open())].toSorted()).toEqual(keys.toSpliced(100, 20).toSorted())
    expect(next.lastSeen(keys.at(-1) as never)).toBe(clock.now() - 10_000)
    next.kill()
  })
})
