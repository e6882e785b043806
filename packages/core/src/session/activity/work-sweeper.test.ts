/** What a dead node has left, and a node that loses its store while it takes that over. */
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { defaultTenant, type SessionKey } from '../../base/ids.ts'
import { MemoryStore } from '../../defaults/memory-store.ts'
import { SoloCluster } from '../../defaults/solo-cluster.ts'
import type { StoreKey } from '../../ports/store-key.ts'
import { activityKey } from './activity-opening.ts'
import type { WakeOutcome } from './waker.ts'
import { WorkSweeper } from './work-sweeper.ts'

const keys = ['agent:main:a', 'agent:main:b', 'agent:main:c'] as SessionKey[]
const list = activityKey(defaultTenant, 'dead-1', 1)

async function listed(store: MemoryStore, at: StoreKey, sessions: readonly SessionKey[]): Promise<void> {
  const log = await store.openLog(at, { epoch: 1, nonce: 'dead' })
  await log.append(sessions.map((sessionKey, index) => ({ seq: index + 1, type: 'busy', id: sessionKey, ts: 0, data: { sessionKey } })))
  await log.close()
}

async function afterDeath(outcomeOf: (key: SessionKey) => WakeOutcome) {
  const [store, clock] = [new MemoryStore(), new ManualClock()]
  await listed(store, list, keys)
  const woken: SessionKey[] = []
  const wake = async (key: SessionKey): Promise<WakeOutcome> => {
    woken.push(key)
    return outcomeOf(key)
  }
  const logger = { log: () => {} }
  const sweeper = new WorkSweeper({ tenant: defaultTenant, store, cluster: new SoloCluster(), clock, logger, wake, adopt: undefined })
  return { store, sweeper, clock, woken, isListed: async () => (await store.readLog(list)) !== undefined }
}

test('the list goes once each of its sessions goes on, or has nothing to do', async () => {
  const { sweeper, woken, isListed } = await afterDeath((key) => (key === keys[1] ? 'at-rest' : 'at-work'))
  expect(await sweeper.sweep()).toBe(2)
  expect([woken.toSorted(), await isListed()]).toEqual([keys, false])
})

test.each(['failed', 'refused'] as const)('the list stays while this node cannot have one of them go on: %s', async (outcome) => {
  let isTroubled = true
  const { sweeper, clock, woken, isListed } = await afterDeath((key) => (isTroubled && key === keys[2] ? outcome : 'at-work'))
  const swept = sweeper.sweep()
  await flushEventLoop()
  await clock.advance(1_000)
  expect(woken.length).toBeGreaterThan(keys.length)
  expect(await isListed()).toBe(true)
  isTroubled = false
  await clock.advance(60_000)
  expect([await swept, await isListed()]).toEqual([3, false])
})

test('a node that ends meanwhile leaves the list to the next', async () => {
  const { sweeper, clock, isListed } = await afterDeath(() => 'refused')
  const swept = sweeper.sweep()
  await flushEventLoop()
  sweeper.stop()
  await clock.advance(60_000)
  expect([await swept, await isListed()]).toEqual([0, true])
})

test('the list of a node that dies later does not wait for one of which a session is tried again and again', async () => {
  const { store, sweeper, clock, woken } = await afterDeath(() => 'failed')
  void sweeper.sweep()
  await flushEventLoop()
  const later = 'agent:main:later' as SessionKey
  await listed(store, activityKey(defaultTenant, 'dead-2', 1), [later])
  void sweeper.sweep()
  await flushEventLoop()
  expect(woken).toContain(later)
  sweeper.stop()
  await clock.advance(60_000)
})
