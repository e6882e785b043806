import { expect, test } from 'vitest'
import { ambientWith } from '../defaults/ambient.ts'
import { silentLogger } from '../defaults/console-logger.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { SoloCluster } from '../defaults/solo-cluster.ts'
import { defaultTenant, parseSessionKey } from '../ids.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ActivityLog } from './activity-log.ts'

const [first, second] = [parseSessionKey('agent:main:first'), parseSessionKey('agent:main:second')]
const longerThanAnyoneLingers = 60_000

/** Opens the list of busy sessions, as one process after the other does. */
function processes() {
  const clock = new ManualClock()
  const store = new MemoryStore()
  const ambient = ambientWith({ clock, logger: silentLogger })
  return {
    clock,
    open: async () => {
      const log = new ActivityLog({ tenant: defaultTenant, store, cluster: new SoloCluster({ now: () => clock.now() }), ambient })
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
  const earlier = await open()
  await earlier.log.begin(first)
  const later = await open()
  await later.log.begin(first)
  earlier.log.end(first)
  await clock.advance(longerThanAnyoneLingers)
  await expect(earlier.log.begin(second)).rejects.toMatchObject({ code: 'fenced' })
  await expect(earlier.log.begin(second)).rejects.toMatchObject({ code: 'fenced' })
  await later.log.begin(second)
  expect((await open()).found).toEqual([first, second])
})
