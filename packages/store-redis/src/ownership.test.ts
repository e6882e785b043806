import { parseNodeId } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import { expect, test } from 'vitest'
import { clusterNames } from './cluster-names.ts'
import { claimScript, keepScript } from './cluster-scripts.ts'
import { Ownership } from './ownership.ts'
import type { RedisClient } from './redis-client.ts'
import { RedisLink } from './redis-link.ts'
import { momentOf, SelfFence } from './self-fence.ts'

const names = clusterNames('p')
const keepMs = 60_000

/** The keys of a node, and the names of those that a server was told to keep, by the nonce of the lease. */
function scene() {
  const clock = new ManualClock()
  const kept: { readonly name: string | undefined; readonly nonce: unknown }[] = []
  let epochs = 0
  const server = { isAway: false }
  const client: RedisClient = {
    send: async () => null,
    script: async (script, [, name], [nonce]) => {
      if (server.isAway) throw new Error('gone')
      if (script === keepScript) kept.push({ name, nonce })
      return script === claimScript ? ['granted', String(++epochs)] : 1
    },
    subscribe: async () => async () => undefined,
    onReconnect: (listener) => {
      listener()
      return () => undefined
    },
    stop: async () => undefined,
  }
  const link = new RedisLink({ client, where: 'a fake', deadlineMs: 5_000, clock, check: async () => undefined })
  const self = { id: parseNodeId('own'), incarnation: 'own-life' }
  const life = { self, fence: new SelfFence(clock, 60_000, momentOf(clock)), unsubscribe: async () => undefined, written: '' }
  const membership = { life, isolate: () => undefined }
  const ownership = new Ownership({ link, names, id: self.id, membership, ttlMs: 60_000, clock, keepMs })
  return { clock, ownership, kept, server }
}

test('the release of an old lease does not stop the keeping of a newer one', async () => {
  const { clock, ownership, kept } = scene()
  const old = await ownership.claim('k', 0)
  const { token } = await ownership.claim('k', 0)
  await ownership.release(old, undefined)
  await clock.advance(keepMs / 2)
  await ownership.keep()
  expect(kept).toEqual([{ name: names.owner('k'), nonce: token.nonce }])
})

test('however many keys a node holds, each is kept: some with each heartbeat', async () => {
  const { clock, ownership, kept } = scene()
  const keys = Array.from({ length: 1_200 }, (_, index) => `k${index}`)
  for (const key of keys) await ownership.claim(key, 0)
  await clock.advance(keepMs / 2)
  for (let beat = 0; beat < 4; beat++) {
    await ownership.keep()
    expect(kept).toHaveLength(Math.min(500 * (beat + 1), keys.length))
  }
  expect(kept.map(({ name }) => name)).toEqual(keys.map(names.owner))
})

test('a key that is claimed again and again does not keep the others from being kept', async () => {
  const { clock, ownership, kept } = scene()
  await ownership.claim('first', 0)
  await ownership.claim('other', 0)
  for (const _ of Array.from({ length: 3 })) {
    await clock.advance(keepMs / 3)
    await ownership.claim('first', 0)
    await ownership.keep()
  }
  expect(kept.map(({ name }) => name)).toContain(names.owner('other'))
})

test('a key that could not be kept is tried again before the server forgets it', async () => {
  const { clock, ownership, kept, server } = scene()
  await ownership.claim('k', 0)
  await clock.advance(keepMs / 2)
  server.isAway = true
  await ownership.keep().catch(() => undefined)
  expect(kept).toEqual([])
  server.isAway = false
  await clock.advance(1_000)
  await ownership.keep()
  await ownership.keep()
  expect(kept).toHaveLength(1)
})
