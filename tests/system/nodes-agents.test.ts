/** Nodes that differ in their agents, as while a new configuration is rolled out. */
import { defineAgent } from '@beamclaw/core'
import { expect, test } from 'vitest'
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
