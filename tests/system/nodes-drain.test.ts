/** A drain: what it moves, what it leaves at rest, and what its callers notice. */
import { textAnswer } from '@beamclaw/testkit'
import { expect, test, vi } from 'vitest'
import { ClockedNodes } from './lab/clocked-nodes.ts'
import { type LabNode, Nodes } from './lab/nodes.ts'

const keysOf = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `agent:main:chat-${index}`)

async function sessionsAt({ claw, id }: LabNode): Promise<number> {
  const nodes = await claw.cluster.status()
  return nodes.find((node) => node.id === id)?.activity?.sessions ?? Number.NaN
}

test('starts no session at another node that has no work: it begins there with its next message', async () => {
  let isHeld = false
  const answers = () => (isHeld ? new Promise<never>(() => {}) : textAnswer('heard'))
  await using lab = await Nodes.start({ count: 2, answers })
  const [first, second] = lab.nodes as [LabNode, LabNode]
  const owned: string[] = []
  for (const key of keysOf(60)) if ((await first.cluster.locate(`default:${key}`)).node.id === first.id) owned.push(key)
  expect(owned.length).toBeGreaterThan(20)
  for (const key of owned) await first.claw.session(key).send('hello').result()
  const [busy, ...rest] = owned as [string, ...string[]]
  isHeld = true
  await first.claw.session(busy).send('and?').accepted
  expect([await sessionsAt(first), await sessionsAt(second)]).toEqual([owned.length, 0])
  await first.claw.drain({ stepMs: 100 })
  expect([await sessionsAt(first), await sessionsAt(second)]).toEqual([0, 1])
  expect((await second.cluster.locate(`default:${busy}`)).node.id).toBe(second.id)
  isHeld = false
  for (const key of rest.slice(0, 3)) await second.claw.session(key).send('hello').result()
  expect(await sessionsAt(second)).toBe(4)
})

test('tells callers where a session went, without asking the cluster for each', async () => {
  await using lab = await Nodes.start({ count: 2 })
  const [first, second] = lab.nodes as [LabNode, LabNode]
  const owned: string[] = []
  for (const key of keysOf(60)) if ((await first.cluster.locate(`default:${key}`)).node.id === first.id) owned.push(key)
  // Where they are is known at the other node then.
  await Promise.all(owned.map((key) => second.claw.session(key).send('hello').result()))
  await first.claw.drain()
  const asked = [vi.spyOn(first.cluster, 'acquire'), vi.spyOn(first.cluster, 'locate')]
  await Promise.all(owned.map((key) => second.claw.session(key).send('more').result()))
  for (const calls of asked) expect(calls).not.toHaveBeenCalled()
  for (const key of owned) {
    expect((await second.claw.session(key).history()).messages).toHaveLength(4)
    expect((await second.cluster.locate(`default:${key}`)).node.id).toBe(second.id)
  }
})

test('two nodes that are drained at once hand nothing to each other for good: all is at the third one at once', async () => {
  await using lab = new ClockedNodes()
  const [one, two, three] = [await lab.add('a'), await lab.add('b'), await lab.add('c')]
  for (const key of keysOf(60)) await lab.within(200, one.claw.session(key).send('hello').accepted)
  const drains = [two, three].map(({ claw }) => claw.drain())
  await lab.within(200, Promise.all(drains))
  const histories = await lab.within(600, Promise.all(keysOf(60).map((key) => one.claw.session(key).history())))
  expect(histories.every(({ messages }) => messages.length === 2)).toBe(true)
  for (const key of keysOf(60)) expect((await one.cluster.locate(`default:${key}`)).node.id).toBe(one.id)
})
