import { silentLogger, systemServices } from '@beamclaw/actor'
import { flushEventLoop, gate, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test, vi } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import { defaultTenant, parseSessionKey } from '../../base/ids.ts'
import { MemoryStore } from '../../defaults/memory-store.ts'
import { SoloCluster } from '../../defaults/solo-cluster.ts'
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

describe('a list of busy sessions that is damaged', () => {
  test('costs no session its work: another list is made, with every session in it, once', async () => {
    const store = new MemoryStore()
    const openLog = store.openLog.bind(store)
    let opened: string[] = []
    store.openLog = async (key, token) => {
      opened.push(key.join('/'))
      if (key.join('/') === 'default/activity') throw new BeamClawError('log-corrupt', 'one byte is another one')
      return openLog(key, token)
    }
    const records: string[] = []
    const cluster = new SoloCluster()
    const logger = { log: (_level: string, event: string) => void records.push(event) }
    const open = async (): Promise<readonly string[]> => {
      opened = []
      const list = new ActivityLog({ tenant: defaultTenant, store, cluster, services: systemServices({ logger }) })
      const busy = await list.open()
      list.kill()
      return busy
    }
    expect(await open()).toEqual([])
    for (const id of ['a', 'b']) await (await openLog([defaultTenant, 'sessions', 'main', id], { epoch: 1, nonce: 'x' })).close()
    expect(await open()).toEqual(['agent:main:a', 'agent:main:b'])
    expect(records).toContain('activity.damaged')
    await (await openLog([defaultTenant, 'sessions', 'main', 'c'], { epoch: 1, nonce: 'x' })).close()
    expect(await open()).toEqual(['agent:main:a', 'agent:main:b'])
    expect(opened).toEqual(['default/activity', 'default/activity-2'])
  })
})
