import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import type { NodeId, SessionKey, TenantId } from '../../base/ids.ts'
import { MemoryStore } from '../../defaults/memory-store.ts'
import { SoloCluster } from '../../defaults/solo-cluster.ts'
import type { Cluster } from '../../ports/cluster.ts'
import { activityKey } from './activity-opening.ts'
import type { WakeOutcome } from './waker.ts'
import { WorkSweeper } from './work-sweeper.ts'

const tenant = 'default' as TenantId

/** The list of a dead node with so many sessions, and a sweeper that wakes each as `wake` says. */
async function scene(count: number, wake: (key: SessionKey) => Promise<WakeOutcome>) {
  const store = new MemoryStore()
  const clock = new ManualClock()
  const solo = new SoloCluster()
  const self = { id: 'b' as NodeId, incarnation: 'b-1' }
  const cluster = { acquire: (key: string) => solo.acquire(key), release: async () => {}, self, members: [] } as unknown as Cluster
  const key = activityKey(tenant, 'a-1', 1)
  const log = await store.openLog(key, (await solo.acquire(key.join(':'))).token)
  await log.append(
    Array.from({ length: count }, (_, index) => {
      return { seq: index + 1, type: 'busy', id: `r${index}`, ts: 0, data: { sessionKey: `agent:main:${index}` } }
    }),
  )
  await log.close()
  const logger = { log() {} }
  return { store, clock, key, sweeper: new WorkSweeper({ tenant, store, cluster, clock, logger, wake, adopt: undefined }) }
}

test('sessions of a dead node are counted as orphaned until each was woken', async () => {
  const held: ((outcome: WakeOutcome) => void)[] = []
  const { sweeper, clock } = await scene(3, () => new Promise((resolve) => held.push(resolve)))
  expect(sweeper.orphaned).toBe(0)
  const swept = sweeper.sweep()
  await flushEventLoop()
  expect(sweeper.orphaned).toBe(3)
  held[0]?.('at-work')
  held[1]?.('at-rest')
  held[2]?.('failed')
  await flushEventLoop()
  expect(sweeper.orphaned).toBe(1)
  await clock.advance(1_000)
  held[3]?.('at-work')
  expect(await swept).toBe(2)
  expect(sweeper.orphaned).toBe(0)
})

test('a list that another node has taken over meanwhile has no orphans for this one', async () => {
  const { sweeper, store, key } = await scene(2, async () => {
    // The other node opens it with a later token.
    await store.openLog(key, { epoch: Number.MAX_SAFE_INTEGER, nonce: 'other' })
    return 'at-work'
  })
  expect(await sweeper.sweep()).toBe(0)
  expect(sweeper.orphaned).toBe(0)
})
