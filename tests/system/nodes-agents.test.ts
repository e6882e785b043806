/** Nodes that differ in their agents, as while a new configuration is rolled out. */
import { defineAgent } from '@beamclaw/core'
import { textAnswer } from '@beamclaw/testkit'
import { expect, test, vi } from 'vitest'
import * as z from 'zod'
import { type LabNode, Nodes } from './lab/nodes.ts'

test('the context of a message is checked where its agent is, also for a sender that lacks the agent', async () => {
  const seen: unknown[] = []
  const desk = defineAgent({
    id: 'desk',
    model: 'test/model',
    context: z.object({ count: z.number().transform((count) => count + 1) }),
    system: ({ context }) => {
      seen.push(context)
      return 'You help.'
    },
  })
  await using lab = await Nodes.start({ agents: (id) => (id === 'node-1' ? [desk] : []) })
  for (const { id, claw } of lab.nodes) {
    const session = claw.session(`agent:desk:of-${id}`)
    for (const context of [{ count: 'DROP TABLE' }, undefined]) {
      const refused = session.send('hi', context === undefined ? {} : { context }).accepted
      await expect(refused).rejects.toMatchObject({ code: 'invalid-message', message: expect.stringContaining('context') })
    }
    expect(await session.exists()).toBe(false)
    seen.length = 0
    expect((await session.send('hi', { context: { count: 1 } }).result()).text).toBe('heard hi')
    expect(seen).toEqual([{ count: 2 }])
    // Of a session that exists, and under a key that is known.
    await expect(session.send('more', { context: { count: 'x' } }).accepted).rejects.toMatchObject({ code: 'invalid-message' })
    expect((await session.history()).total).toBe(2)
  }
  const [first] = lab.nodes as [LabNode]
  const { messages } = await first.claw.session('agent:desk:of-node-0').export()
  expect(JSON.stringify(messages)).not.toContain('isContextUnchecked')
})

/** The name of a session that the node has begun. */
async function begunAt(node: LabNode, name: string): Promise<string> {
  for (let number = 1; ; number++) {
    const key = `agent:extra:${name}-${number}`
    await node.claw.session(key).send('begin').result()
    const { node: owner } = await node.cluster.locate(`default:${key}`)
    if (owner.id === node.id) return key
  }
}

test('a session whose agent is removed at its node goes on at one that has the agent, whichever node is asked', async () => {
  await using lab = await Nodes.start({ agents: () => ['extra'] })
  const [first, second] = lab.nodes as [LabNode, LabNode]
  for (const asked of [first, second]) {
    const key = await begunAt(first, `of-${asked.id}`)
    first.claw.updateAgents([defineAgent({ id: 'main', model: 'test/model' })])
    expect((await asked.claw.session(key).send('more').result()).text).toBe('heard more')
    expect(await asked.claw.session(key).configure({ label: 'x' })).toMatchObject({ label: 'x' })
    expect((await first.claw.session(key).history()).total).toBe(4)
    expect((await first.cluster.locate(`default:${key}`)).node.id).not.toBe(first.id)
    first.claw.updateAgents([...['main', 'extra'].map((id) => defineAgent({ id, model: 'test/model' }))])
  }
})

test('a session with work stays where its agent is removed until the work is done', async () => {
  const held = Promise.withResolvers<void>()
  await using lab = await Nodes.start({
    agents: () => ['extra'],
    answers: async ({ messages }) => {
      const last = String(messages.at(-1)?.content)
      if (last === 'wait') await held.promise
      return textAnswer(`heard ${last}`)
    },
  })
  const [first, second] = lab.nodes as [LabNode, LabNode]
  const key = await begunAt(first, 'held')
  const run = first.claw.session(key).send('wait')
  await run.accepted
  first.claw.updateAgents([defineAgent({ id: 'main', model: 'test/model' })])
  for (const { claw } of [first, second])
    await expect(claw.session(key).send('more').accepted).rejects.toMatchObject({ code: 'unknown-agent' })
  held.resolve()
  expect((await run.result()).text).toBe('heard wait')
  // Its end is heard of before the session is at rest.
  await vi.waitFor(() => second.claw.session(key).send('more').accepted, { timeout: 15_000, interval: 10 })
  expect((await first.claw.session(key).send('and more').result()).text).toBe('heard and more')
  expect((await second.claw.session(key).history()).messages).toHaveLength(8)
})
