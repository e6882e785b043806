/** Presence, groups and settings of core between nodes over a real server. */
import { BeamClaw, type RunningBeamClaw, silentLogger } from '@beamclaw/core'
import { ScriptedProvider } from '@beamclaw/core/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RedisCluster } from './redis-cluster.ts'
import { RedisStore } from './redis-store.ts'
import { quick, until } from './testing/cluster-nodes.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'

describe.skipIf(noRedis !== undefined)(`what nodes over Redis share${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  let started: RunningBeamClaw[] = []
  beforeEach(async () => {
    server = await RedisServer.start()
  })
  afterEach(async () => {
    await Promise.all(started.map((claw) => claw.stop()))
    started = []
    await server.dispose()
  })

  async function start(nodeId: string): Promise<RunningBeamClaw> {
    const claw = await new BeamClaw({
      providers: { test: new ScriptedProvider({ otherwise: 'yes' }) },
      agents: [{ id: 'main', model: 'test/any' }],
      store: new RedisStore({ url: server.url }),
      cluster: new RedisCluster({ url: server.url, nodeId, ...quick }),
      services: { logger: silentLogger },
    }).start()
    started.push(claw)
    return claw
  }

  const sees = (claw: RunningBeamClaw, topic: string, count: number): Promise<void> =>
    until(`${count} entries of ${topic} are listed`, () => claw.presence.list(topic).length === count)

  test('presence of thousands reaches a node that is there and one that joins late, and ends with its node', async () => {
    const [first, second] = [await start('a'), await start('b')]
    await until('both see each other', () => [first, second].every(({ cluster }) => cluster.nodes.length === 2))
    const untrack = Array.from({ length: 3_000 }, (_, n) => second.presence.track('room', `key${n}`, { n, text: 'é'.repeat(100) }))
    first.presence.track('room', 'own')
    await sees(first, 'room', 3_001)
    const late = await start('c')
    await sees(late, 'room', 3_001)
    untrack[0]?.()
    await sees(late, 'room', 3_000)
    await second.stop()
    await sees(late, 'room', 1)
    expect(first.presence.list('room')).toEqual([{ key: 'own', meta: null, node: 'a' }])
  }, 60_000)

  test('a group is reached at another node, and settings reach its listener', async () => {
    const [first, second] = [await start('a'), await start('b')]
    await until('both see each other', () => [first, second].every(({ cluster }) => cluster.nodes.length === 2))
    const heard: unknown[] = []
    second.groups.join('workers', { handle: (message) => ({ heard: message }) })
    second.cluster.settings.on(({ version, value }) => {
      heard.push([version, value])
      if (value.isBad === true) throw new Error('cannot apply it')
    })
    await until('the member is seen', () => first.groups.members('workers').length === 1)
    expect(await first.groups.call('workers', { text: 'hello' })).toEqual({ heard: { text: 'hello' } })
    await Promise.all([first, second].map(({ cluster }) => cluster.settings.update(({ n = 0 }) => ({ n: Number(n) + 1 }))))
    await until('both updates are heard', () => JSON.stringify(heard.at(-1)) === '[2,{"n":2}]')
    await first.cluster.settings.update(() => ({ isBad: true }))
    await until('the problem is seen', async () => {
      const nodes = await first.cluster.status()
      return nodes.find(({ id }) => id === 'b')?.activity?.settings?.problem === 'cannot apply it'
    })
  }, 60_000)
})
