import { describe, expect, test } from 'vitest'
import { recordsOf } from './lab/journals.ts'
import type { NodeProcess } from './lab/node.ts'
import { quickTimes, RedisNodes, until } from './lab/redis-nodes.ts'
import { noRedis } from './lab/redis-server.ts'

const { ttlMs } = quickTimes
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const sessionsNamed = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `agent:main:${name}-${index}`)

/** Greets each session, so that it has an owner. */
const greet = (lab: RedisNodes, sessions: readonly string[]): Promise<unknown> =>
  Promise.all(sessions.map((session, index) => lab.say(session, 'hello', { from: index })))

const isRunningAgain = (node: NodeProcess, before: string): Promise<void> =>
  until(`${node.id} is another life`, async () => {
    const { phase, incarnation } = await node.look()
    return phase === 'running' && incarnation !== before
  })

describe.skipIf(noRedis !== undefined)(`faults of nodes over a Redis${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  test.each<[string, string, (node: NodeProcess, othersAnswered: Promise<unknown>) => Promise<unknown>]>([
    [
      'F18',
      'frozen until the others have answered for it',
      async (node, othersAnswered) => {
        node.freeze()
        await othersAnswered
        node.thaw()
      },
    ],
    ['F17', 'kept busy for twice its time to live', (node) => node.block(2 * ttlMs)],
  ])('%s: a node that is %s writes nothing of its sessions any more', async (_, __, hinder) => {
    await using lab = await RedisNodes.start()
    const sessions = sessionsNamed('held', 9)
    const [first = ''] = sessions
    for (const node of lab.nodes) node.follow(first)
    await greet(lab, sessions)
    const victim = await lab.ownerOf(first)
    const { incarnation } = await victim.look()
    const unfinished = lab.say(first, 'slow one')
    await lab.journalUntil(first, (records) => recordsOf(records, 'tool-intent').length > 0)
    const answered = Promise.withResolvers<void>()
    const over = hinder(victim, answered.promise)
    const others = lab.nodes.filter((node) => node !== victim)
    await Promise.all(
      sessions.slice(1).map(async (session, index) => {
        const node = others[index % 2] as NodeProcess
        expect(await node.send(session, 'again').answer).toBe('heard: again')
      }),
    )
    answered.resolve()
    await over
    await isRunningAgain(victim, incarnation)
    // Its tool ends after its run has gone on elsewhere.
    await victim.release()
    expect(await unfinished).toMatch(/^heard: /)
    await greet(lab, sessionsNamed('later', 9))
    expect(recordsOf(await lab.journal(first), 'tool-outcome').map(({ data }) => data.outcome)).toEqual(['unknown'])
    expect(await lab.problems()).toEqual([])
    await lab.allHeard(first)
  })

  test('F19: Redis is killed twice under load, and back at once: nothing accepted is lost', async () => {
    await using lab = await RedisNodes.start({ store: { deadlineMs: 1_000 } })
    const sessions = sessionsNamed('kept', 12)
    const answers = sessions.flatMap((session, index) =>
      ['charge', 'lookup', 'hello', 'charge'].map((word, step) => lab.say(session, `${word} ${index} ${step}`, { from: index })),
    )
    for (let round = 0; round < 2; round++) {
      await sleep(60)
      await lab.redis.restart()
    }
    await Promise.all(answers)
    expect(await lab.problems()).toEqual([])
    for (const node of lab.nodes) expect(await node.look()).toMatchObject({ isRunning: true, phase: 'running' })
  })

  test('F20: a Redis that comes back empty is refused by every node, and nothing is written to it', async () => {
    await using lab = await RedisNodes.start()
    await greet(lab, sessionsNamed('gone', 6))
    await lab.redis.replace()
    for (const node of lab.nodes) {
      await node.line(({ log }) => log === 'store-redis.replaced')
      await node.line(({ ended }) => ended === true)
      await expect(node.send('agent:main:gone-0', 'anybody?').accepted).rejects.toMatchObject({ code: 'actor-not-running' })
    }
    expect(await lab.redis.send('DBSIZE')).toBe(0)
  })

  test('F21: a pause of Redis only slows down; a longer one isolates the nodes, and then all runs end, in trees that live on', async () => {
    await using lab = await RedisNodes.start()
    const sessions = sessionsNamed('paused', 9)
    await greet(lab, sessions)
    const lives = async (): Promise<string> =>
      (await Promise.all(lab.nodes.map((node) => node.look()))).map((look) => look.incarnation).join()
    const before = await lives()
    await lab.redis.send('CLIENT', 'PAUSE', String(Math.floor(ttlMs / 4)), 'WRITE')
    const slower = sessions.map((session, index) => (lab.nodes[index % 3] as NodeProcess).send(session, 'slower').answer)
    expect(new Set(await Promise.all(slower))).toEqual(new Set(['heard: slower']))
    expect(await lives()).toBe(before)
    const answers = sessions.map((session, index) => lab.say(session, `charge ${index}`, { from: index }))
    lab.redis.freeze()
    for (const node of lab.nodes) await node.line(({ log }) => log === 'store-redis.isolated')
    lab.redis.thaw()
    await Promise.all(answers)
    for (const node of lab.nodes) expect(await node.look()).toMatchObject({ isRunning: true, restarts: 0 })
    expect(await lab.problems()).toEqual([])
  })

  test.each<['both ways' | 'requests' | 'replies']>([['both ways'], ['requests'], ['replies']])(
    'F23: a node whose way to Redis swallows %s is isolated; the others answer, and one owner writes',
    async (way) => {
      await using lab = await RedisNodes.start()
      const sessions = sessionsNamed('cut', 9)
      await greet(lab, sessions)
      const victim = await lab.ownerOf(sessions[0] as string)
      const { incarnation } = await victim.look()
      const lost = sessions.map((session, index) => lab.say(session, `charge ${index}`, { from: lab.nodes.indexOf(victim) }))
      lab.proxy(victim.id).swallow(way === 'both ways' ? undefined : way)
      const others = lab.nodes.filter((node) => node !== victim)
      const again = sessions.map((session, index) => (others[index % 2] as NodeProcess).send(session, 'again').answer)
      expect(new Set(await Promise.all(again))).toEqual(new Set(['heard: again']))
      await victim.line(({ log }) => log === 'store-redis.isolated')
      lab.heal(victim.id)
      await isRunningAgain(victim, incarnation)
      await Promise.all(lost)
      expect(await lab.problems()).toEqual([])
    },
  )

  test('F24: an append that reaches Redis after its node has died, and another one has taken over, writes nothing', async () => {
    await using lab = await RedisNodes.start()
    const [session = ''] = sessionsNamed('late', 1)
    await greet(lab, [session])
    const owner = await lab.ownerOf(session)
    lab.proxy(owner.id).hold('requests')
    const late = owner.send(session, 'late', 'once')
    await lab.proxy(owner.id).held('requests')
    // Its heartbeat may be held first.
    await sleep(50)
    await owner.kill()
    await expect(late.accepted).rejects.toMatchObject({ code: 'node-died' })
    expect(await lab.say(session, 'late', { key: 'once' })).toBe('heard: late')
    const before = (await lab.journal(session)).length
    lab.proxy(owner.id).pass()
    await lab.say(session, 'after')
    const records = await lab.journal(session)
    expect(recordsOf(records.slice(0, before), 'message-in').filter(({ data }) => data.runId === 'once')).toHaveLength(1)
    expect(await lab.problems()).toEqual([])
  })

  test('F25: an append whose reply never comes is one record, whoever sends the message again', async () => {
    await using lab = await RedisNodes.start({ store: { deadlineMs: 500 } })
    const [session = ''] = sessionsNamed('unheard', 1)
    await greet(lab, [session])
    const owner = await lab.ownerOf(session)
    lab.proxy(owner.id).hold('replies')
    const sent = owner.send(session, 'unheard', 'once')
    await until('the record is in Redis', async () =>
      recordsOf(await lab.journal(session), 'message-in').some(({ data }) => data.runId === 'once'),
    )
    lab.proxy(owner.id).cut()
    lab.proxy(owner.id).pass()
    expect(await lab.say(session, 'unheard', { key: 'once' })).toBe('heard: unheard')
    await sent.accepted.catch(() => {})
    expect(recordsOf(await lab.journal(session), 'message-in').filter(({ data }) => data.runId === 'once')).toHaveLength(1)
    expect(await lab.problems()).toEqual([])
  })

  test('S1: Redis is away for twice the time to live under 1,000 awake sessions: no session restarts, and all is back', async () => {
    // The drill takes the times of a cluster in service, and half a minute.
    const isDrill = process.env.FAULT_ALL === '1'
    await using lab = await RedisNodes.start(isDrill ? { cluster: { heartbeatMs: 1_000, ttlMs: 15_000 } } : {})
    const sessions = sessionsNamed('awake', 1_000)
    await greet(lab, sessions)
    const awake = await Promise.all(lab.nodes.map((node) => node.look()))
    expect(awake.reduce((sum, look) => sum + look.sessions, 0)).toBe(1_000)
    await lab.redis.kill()
    await sleep(isDrill ? 30_000 : 2 * ttlMs)
    await lab.redis.start()
    const backAt = performance.now()
    const some = sessions.filter((_, index) => index % 20 === 0)
    await Promise.all(some.map((session, index) => lab.say(session, 'back', { from: index })))
    // A machine that does nothing else.
    if (isDrill) expect(performance.now() - backAt).toBeLessThan(5_000)
    for (const node of lab.nodes) expect(await node.look()).toMatchObject({ isRunning: true, restarts: 0, phase: 'running' })
    expect(await lab.problems()).toEqual([])
  }, 120_000)
})
