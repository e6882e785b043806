import { describe, expect, test } from 'vitest'
import { recordsOf } from './lab/journals.ts'
import { RedisNodes, until } from './lab/redis-nodes.ts'
import { noRedis } from './lab/redis-server.ts'

const sessionsNamed = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `agent:main:${name}-${index}`)

describe.skipIf(noRedis !== undefined)(`nodes over a Redis${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  test('kill -9 of a node in the middle of runs with tools: what was accepted ends once, and no tool runs twice', async () => {
    await using lab = await RedisNodes.start()
    const sessions = sessionsNamed('killed', 24)
    const answers = sessions.flatMap((session, index) =>
      ['charge', 'lookup', 'hello'].map((word) => lab.say(session, `${word} ${index}`, { from: index })),
    )
    for (const node of lab.nodes) node.follow(sessions[0] as string)
    await lab.journalUntil(sessions[0] as string, (records) => recordsOf(records, 'tool-intent').length > 0)
    const victim = await lab.ownerOf(sessions[0] as string)
    await victim.kill()
    await Promise.all(answers)
    expect(await lab.problems()).toEqual([])
    await lab.allHeard(sessions[0] as string)
    const resumed = await Promise.all(sessions.map(async (session) => recordsOf(await lab.journal(session), 'run-resume').length))
    expect(resumed.some((count) => count > 0)).toBe(true)
  })

  test('F26: the same message at three nodes at once, 200 times, is one run with three equal receipts', async () => {
    await using lab = await RedisNodes.start()
    for (const session of sessionsNamed('round', 200)) {
      const receipts = await Promise.all(lab.nodes.map((node) => node.send(session, 'hello').accepted))
      expect(new Set(receipts.map(({ seq }) => seq)).size).toBe(1)
      expect(receipts.filter(({ status }) => status === 'accepted')).toHaveLength(1)
    }
    expect(await lab.problems()).toEqual([])
  })
})
void until
