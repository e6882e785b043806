import { describe, expect, test } from 'vitest'
import { effectsIn, recordsOf } from './lab/journals.ts'
import type { NodeProcess } from './lab/node.ts'
import { RedisNodes, until } from './lab/redis-nodes.ts'
import { noRedis } from './lab/redis-server.ts'

const sessionsNamed = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `agent:main:${name}-${index}`)

const waitsForApproval = async (node: NodeProcess, session: string): Promise<string> => {
  let found: string | undefined
  await until(`${node.id} lists the approval of ${session}`, async () => {
    found = (await node.approvals()).find(({ sessionKey }) => sessionKey === session)?.id
    return found !== undefined
  })
  return found as string
}

/** Decides again while it is unknown whether the decision got through, as the error says. */
const decideAtLast = async (node: NodeProcess, id: string, isApproved = true): Promise<void> => {
  for (;;) {
    const [outcome] = await settled([node.decide(id, isApproved)])
    if (outcome === 'done' || outcome === 'already-resolved') return
    expect(outcome).toBe('call-timeout')
  }
}

const settled = (calls: readonly Promise<unknown>[]): Promise<string[]> =>
  Promise.all(
    calls.map((call) =>
      call.then(
        () => 'done',
        (error: { readonly code: string }) => error.code,
      ),
    ),
  )

describe.skipIf(noRedis !== undefined)(`nodes over a Redis${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  test('kill -9 of a node in the middle of runs with tools: what was accepted ends once, no tool runs twice, readers miss nothing', async () => {
    await using lab = await RedisNodes.start()
    const sessions = sessionsNamed('killed', 24)
    const [first = ''] = sessions
    const answers = sessions.flatMap((session, index) =>
      ['charge', 'lookup', 'hello'].map((word) => lab.say(session, `${word} ${index}`, { from: index })),
    )
    for (const node of lab.nodes) node.follow(first)
    await lab.journalUntil(first, (records) => recordsOf(records, 'tool-intent').length > 0)
    const victim = await lab.ownerOf(first)
    await victim.kill()
    await Promise.all(answers)
    expect(await lab.problems()).toEqual([])
    await lab.allHeard(first)
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

  test('F43: an approval is decided once, at whichever nodes at once, and over a kill and a drain of its owner', async () => {
    await using lab = await RedisNodes.start()
    const [first] = lab.nodes as [NodeProcess]
    const [twice = '', killed = '', drained = ''] = sessionsNamed('pays', 3)
    const answers = [twice, killed, drained].map((session) => lab.say(session, `pay ${session.at(-1)}`))
    const id = await waitsForApproval(first, twice)
    const outcomes = await settled(lab.nodes.map((node) => node.decide(id)))
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1)
    // A node that had no part in it, and comes later, finds no such request any more.
    for (const outcome of outcomes) expect(outcome).toMatch(/^(?:done|already-resolved|unknown-approval)$/)

    await waitsForApproval(first, killed)
    const victim = await lab.ownerOf(killed)
    await victim.kill()
    const [other] = lab.nodes as [NodeProcess]
    await decideAtLast(other, await waitsForApproval(other, killed))
    expect(await answers[1]).toBe('heard: paid')

    await waitsForApproval(other, drained)
    const source = await lab.ownerOf(drained)
    await source.drain(300)
    const target = lab.nodes.find((node) => node !== source) as NodeProcess
    await decideAtLast(target, await waitsForApproval(target, drained), false)
    expect(await answers[2]).toMatch(/^heard: (?!paid)/)
    await Promise.all(answers)
    const paid = effectsIn(`${lab.redis.folder}/effects`).filter(({ tool }) => tool === 'pay')
    expect(paid.map(({ toolCallId }) => toolCallId).sort()).toEqual(['pay-0', 'pay-1'])
    expect(await lab.problems()).toEqual([])
  })

  test('F44: a drain takes runs, approvals and conversations at rest to the other nodes, and the node leaves', async () => {
    await using lab = await RedisNodes.start()
    const [first] = lab.nodes as [NodeProcess]
    const idle = sessionsNamed('idle', 12)
    for (const session of idle) await lab.say(session, 'before')
    const source = await lab.ownerOf(idle[0] as string)
    // What begins on the node that is drained: a session is where its first message came to be.
    const [busy = '', waiting = ''] = (await owned(lab, source, 'work', 2)).slice(0, 2)
    const answers = [lab.say(busy, 'slow one'), lab.say(waiting, 'pay one')]
    const approval = await waitsForApproval(first, waiting)
    await lab.journalUntil(busy, (records) => recordsOf(records, 'tool-intent').length > 0)
    const meanwhile = idle.map((session) => lab.say(session, 'meanwhile'))
    await source.drain(300)
    await Promise.all(meanwhile)
    expect((await source.look()).sessions).toBe(0)
    const rest = lab.nodes.filter((node) => node !== source)
    for (const session of [...idle, busy, waiting]) expect((await lab.ownerOf(session)).id).not.toBe(source.id)
    await decideAtLast(rest[0] as NodeProcess, approval)
    expect(await answers[1]).toBe('heard: paid')
    expect(await answers[0]).toMatch(/^heard: /)
    // Otherwise the stop waits for the tool, which ignores its signal, as long as a session may take.
    await source.release()
    expect(await source.stop()).toBe(0)
    await lab.allSee(2)
    expect(recordsOf(await lab.journal(busy), 'tool-outcome').map(({ data }) => data.outcome)).toEqual(['unknown'])
    expect(await lab.problems()).toEqual([])
  })

  test('F45: kill -9 of a node at any moment of its drain, and of the node that takes over, loses nothing', async () => {
    await using lab = await RedisNodes.start()
    const sessions = sessionsNamed('moved', 16)
    for (const [round, afterMs] of [0, 5, 20, 60, 200].entries()) {
      const words = ['charge', 'lookup', 'hello']
      const answers = sessions.map((session, index) => lab.say(session, `${words[index % 3]} ${round} ${index}`))
      const source = await lab.ownerOf(sessions[0] as string)
      source.drain(1_000).catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, afterMs))
      const isTarget = round % 2 === 1
      const victim = isTarget ? (lab.nodes.find((node) => node !== source) as NodeProcess) : source
      await victim.kill()
      await Promise.all(answers)
      if (isTarget) await source.stop()
      for (const id of ['node-0', 'node-1', 'node-2']) if (lab.nodes.every((node) => node.id !== id)) await lab.begin(id)
      await lab.allSee(3)
    }
    expect(await lab.problems()).toEqual([])
  })
})

/** Sessions that a node owns, and that have answered once. */
async function owned(lab: RedisNodes, node: NodeProcess, name: string, count: number): Promise<readonly string[]> {
  const found: string[] = []
  for (let index = 0; found.length < count; index++) {
    const session = `agent:main:${name}-${index}`
    await lab.say(session, 'begin')
    if ((await lab.ownerOf(session)) === node) found.push(session)
  }
  return found
}
