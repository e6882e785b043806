import { silentLogger, systemServices } from '@beamclaw/actor'
import { flushEventLoop, gate, ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { defaultTenant, parseSessionKey } from '../../base/ids.ts'
import { SoloCluster } from '../../defaults/solo-cluster.ts'
import { TroubledStore } from '../../testing/troubled-store.ts'
import { ActivityLog } from '../activity/activity-log.ts'
import { type CommandContext, listedFirst, StateDiscarded } from './command.ts'

const key = parseSessionKey('agent:main:main')

/** A session whose listing is on its way to the store, and whose work ends in the turn in which it is listed. */
async function restedOnceListed() {
  const store = new TroubledStore('activity')
  const services = systemServices({ clock: new ManualClock(), logger: silentLogger })
  const activity = new ActivityLog({ tenant: defaultTenant, store, cluster: new SoloCluster(), services })
  await activity.open()
  const written = gate()
  store.before = () => written.promise
  const scene = { activity, written, isLoaded: true }
  void activity.begin(key).then(() => activity.end(key))
  const context = { key, dependencies: { activity }, isLoaded: () => scene.isLoaded } as unknown as CommandContext
  return Object.assign(scene, { listed: listedFirst(context) })
}

test('a session is still listed as busy when its decision is recorded, though it was put at rest while it was listed', async () => {
  const { activity, written, listed } = await restedOnceListed()
  written.resolve()
  await listed
  expect(activity.isBusy(key)).toBe(true)
})

test('a session whose state was discarded while it was listed is not listed once more', async () => {
  const scene = await restedOnceListed()
  const refused = expect(scene.listed).rejects.toThrow(StateDiscarded)
  await flushEventLoop()
  scene.isLoaded = false
  scene.written.resolve()
  await refused
  expect(scene.activity.isBusy(key)).toBe(false)
})
