/** F47: nodes of two adjacent versions over one Redis, forwards and back. The next version writes records that this one cannot read. */
import { describe, expect, test } from 'vitest'
import type { JournalRecord } from './lab/journal-files.ts'
import { recordsOf } from './lab/journals.ts'
import type { NodeProcess } from './lab/node.ts'
import { RedisNodes, until } from './lab/redis-nodes.ts'
import { noRedis } from './lab/redis-server.ts'

const sessionsNamed = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `agent:main:${name}-${index}`)

const isOfNext = (records: readonly JournalRecord[]): boolean => records.some(({ data }) => (data as { format?: number }).format === 2)

/** No node dies here. While the only one of the next version is taken for dead, as on a machine that is too busy, what it has written is refused. */
const unhurried = { heartbeatMs: 150, ttlMs: 20_000 } as const

/** Replaces a node by one of another version, as a rolling upgrade does. */
async function replace(lab: RedisNodes, node: NodeProcess, isNextVersion: boolean): Promise<NodeProcess> {
  await node.drain(300)
  await node.release()
  expect(await node.stop()).toBe(0)
  const next = await (await lab.launch(node.id, { isNextVersion })).ready()
  await lab.allSee(3)
  return next
}

describe.skipIf(noRedis !== undefined)(`two versions over a Redis${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  test('a rolling upgrade under conversations: nobody is refused, and what the next version has written is only given to nodes that read it', async () => {
    await using lab = await RedisNodes.start({ cluster: unhurried })
    const sessions = sessionsNamed('upgraded', 18)
    let isOver = false
    const talk = async (session: string, index: number): Promise<number> => {
      for (let count = 0; ; count++) {
        if (isOver && count > 0) return count
        await lab.say(session, `${['hello', 'lookup', 'charge'][count % 3]} ${index} ${count}`, { from: index + count })
      }
    }
    const talks = sessions.map(talk)
    for (const node of lab.nodes) lab.node(node.id).follow(sessions[0] as string)
    const [one, two, three] = [...lab.nodes] as [NodeProcess, NodeProcess, NodeProcess]
    await replace(lab, one, true)
    await replace(lab, two, true)
    const journals = (): Promise<readonly (readonly JournalRecord[])[]> => Promise.all(sessions.map((session) => lab.journal(session)))
    await until('both versions write', async () => (await journals()).some(isOfNext))
    expect((await journals()).every(isOfNext)).toBe(false)
    await replace(lab, three, true)
    isOver = true
    for (const count of await Promise.all(talks)) expect(count).toBeGreaterThan(0)
    expect(await lab.problems()).toEqual([])
    await lab.allHeard(sessions[0] as string)
    for (const session of sessions) {
      await lab.say(session, 'once more')
      expect(isOfNext(await lab.journal(session))).toBe(true)
    }
  }, 120_000)

  test('and back: this version refuses what it cannot read as such, damages none of it, and gives it to the first node that can', async () => {
    await using lab = await RedisNodes.start({ cluster: unhurried, sessions: { passivateAfterMs: 500 } })
    const [raised = '', waiting = '', atWork = '', old = ''] = ['raised', 'waiting', 'work', 'old'].map((name) => `agent:main:${name}`)
    for (const session of [raised, waiting, atWork, old]) await lab.say(session, 'hello')
    for (const node of [...lab.nodes]) await replace(lab, node, true)
    for (const session of [raised, atWork]) await lab.say(session, 'hello again')
    // Its caller may hear that no node can go on with it now.
    const ask = (session: string, text: string): Promise<string> =>
      lab.say(session, text).catch(({ code }: { readonly code: string }) => code)
    const answers = [ask(waiting, 'pay one')]
    await lab.journalUntil(waiting, (records) => recordsOf(records, 'approval-request').length > 0)
    const [one, two, three] = [...lab.nodes] as [NodeProcess, NodeProcess, NodeProcess]
    for (const node of [one, two]) await replace(lab, node, false)
    answers.push(ask(atWork, 'slow one'))
    await lab.journalUntil(atWork, (records) => recordsOf(records, 'tool-intent').length > 0)
    await replace(lab, three, false)
    const [first] = lab.nodes as [NodeProcess]
    const journals = (): Promise<unknown> => Promise.all([raised, waiting, atWork].map((session) => lab.journal(session)))
    const before = await journals()
    for (const node of lab.nodes) await expect(node.send(raised, 'hello').accepted).rejects.toMatchObject({ code: 'log-too-new' })
    expect(await first.send(old, 'hello at last').answer).toMatch(/^heard/)
    expect(isOfNext(await lab.journal(old))).toBe(false)
    expect(await journals()).toEqual(before)

    // One node of the next version is enough: what waits for it goes on by itself, and callers at the others follow it.
    await replace(lab, lab.nodes[2] as NodeProcess, true)
    await lab.journalUntil(atWork, (records) => recordsOf(records, 'run-end').length === 3)
    let approval: string | undefined
    await until('the approval is listed again', async () => {
      approval = (await first.approvals()).find(({ sessionKey }) => sessionKey === waiting)?.id
      return approval !== undefined
    })
    await first.decide(approval as string, true)
    await lab.journalUntil(waiting, (records) => recordsOf(records, 'run-end').length === 2)
    for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^heard: |^log-too-new$/)
    first.follow(raised)
    expect(await first.send(raised, 'hello once more').answer).toMatch(/^heard/)
    await lab.allHeard(raised)
    expect(await lab.problems()).toEqual([])
  }, 120_000)
})
