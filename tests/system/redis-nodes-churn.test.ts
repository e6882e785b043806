import { pickOne, seededRandom } from '@beamclaw/testkit/simulator'
import { describe, expect, test } from 'vitest'
import { RedisNodes, until } from './lab/redis-nodes.ts'
import { noRedis } from './lab/redis-server.ts'

const twoHoursMs = 7_200_000
const sessionsNamed = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `agent:main:${name}-${index}`)

describe.skipIf(noRedis !== undefined)(`nodes that come and go over a Redis${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  test('F16: clocks that are hours apart move nothing, and a node that dies is followed as ever', async () => {
    await using lab = await RedisNodes.start({ count: 1 })
    await (await lab.launch('node-1', { clockErrorMs: twoHoursMs })).ready()
    await (await lab.launch('node-2', { clockErrorMs: -twoHoursMs })).ready()
    await lab.allSee(3)
    const sessions = sessionsNamed('timeless', 18)
    await Promise.all(sessions.map((session, index) => lab.say(session, 'hello', { from: index })))
    const owners = async (): Promise<readonly string[]> => Promise.all(sessions.map(async (session) => (await lab.ownerOf(session)).id))
    const before = await owners()
    expect(new Set(before).size).toBe(3)
    await Promise.all(sessions.map((session, index) => lab.say(session, `charge ${index}`, { from: index + 1 })))
    expect(await owners()).toEqual(before)
    const answers = sessions.map((session, index) => lab.say(session, `lookup ${index}`, { from: index }))
    await lab.node('node-1').kill()
    await Promise.all(answers)
    expect(await lab.problems()).toEqual([])
    for (const node of lab.nodes) expect(await node.look()).toMatchObject({ isRunning: true, phase: 'running', restarts: 0 })
  })

  test('F49: nodes join and leave, killed or drained by lot: after each round every session answers at every node', async () => {
    const { size, rounds } = process.env.FAULT_ALL === '1' ? { size: 10, rounds: 30 } : { size: 5, rounds: 4 }
    const random = seededRandom(49)
    await using lab = await RedisNodes.start({ count: size })
    const sessions = sessionsNamed('round', 2 * size)
    for (let round = 0; round < rounds; round++) {
      const answers = sessions.map((session, index) => lab.say(session, `charge ${round} ${index}`, { from: index }))
      const leaver = pickOne(random, lab.nodes)
      const joining = lab.launch(`node-${size + round}`).then((node) => node.ready())
      if (random.next() < 0.5) await leaver.kill()
      else {
        await leaver.drain(200)
        expect(await leaver.stop()).toBe(0)
      }
      await joining
      await Promise.all(answers)
      await lab.allSee(size)
      const again = sessions.flatMap((session, index) => [
        lab.say(session, `hello ${round}`, { from: index }),
        lab.say(session, `hello again ${round}`, { from: index + 1 }),
      ])
      await Promise.all(again)
      const seen = await Promise.all(sessions.map(async (session) => Promise.all(lab.nodes.map((node) => node.ownerOf(session)))))
      for (const owners of seen) expect(new Set(owners).size).toBe(1)
      expect(await lab.problems()).toEqual([])
    }
    await until('every session is listed', async () => (await lab.sessions()).length === sessions.length)
  })
})
