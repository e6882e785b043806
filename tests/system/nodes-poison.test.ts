import { defineTool } from '@beamclaw/core'
import { textAnswer, toolAnswer } from '@beamclaw/testkit'
import { expect, test, vi } from 'vitest'
import * as z from 'zod'
import { type LabNode, Nodes } from './lab/nodes.ts'

const innocents = Array.from({ length: 25 }, (_, index) => `agent:main:innocent-${index}`)
const poison = 'agent:main:poison'

test('one poison message does not walk through the cluster: it is given up, and each of 25 innocent runs beside it ends well', async () => {
  let deaths = 0
  const restarts: Promise<LabNode>[] = []
  const work = (id: string) =>
    defineTool({
      name: 'work',
      description: 'Works',
      input: z.object({ deadly: z.boolean() }),
      idempotent: true,
      execute: async ({ deadly }, { signal }) => {
        if (deadly) {
          deaths++
          const node = lab.nodes.find((one) => one.id === id)
          // Its process ends in the middle of the call.
          if (node !== undefined) restarts.push(lab.restart(node))
          return new Promise<string>(() => {})
        }
        await vi.waitFor(() => expect(signal.aborted || deaths > 0).toBe(true), { timeout: 30_000, interval: 5 })
        return 'done'
      },
    })
  await using lab = await Nodes.start({
    tools: (id) => [work(id)],
    answers: ({ messages }) => {
      const last = messages.at(-1)
      return last?.role === 'tool' ? textAnswer('well') : toolAnswer('work', { deadly: last?.content === 'poison' })
    },
  })
  const [first] = lab.nodes as [LabNode]
  for (const session of innocents) await first.claw.session(session).send('work', { idempotencyKey: 'one' }).accepted
  await first.claw.session(poison).send('poison', { idempotencyKey: 'one' }).accepted

  await vi.waitFor(
    async () => {
      await Promise.all(restarts)
      const [any] = lab.nodes as [LabNode]
      const [{ failure } = {}] = (await any.claw.session(poison).history()).messages.map(({ failure: found }) => ({ failure: found }))
      expect(failure?.code).toBe('poison-message')
    },
    { timeout: 40_000, interval: 50 },
  )
  expect(deaths).toBeGreaterThan(2)
  const [any] = lab.nodes as [LabNode]
  for (const session of innocents) {
    await vi.waitFor(
      async () => {
        const { messages } = await any.claw.session(session).history()
        expect(messages.map(({ message, failure }) => failure?.code ?? message.role)).toEqual(['user', 'assistant', 'tool', 'assistant'])
      },
      { timeout: 40_000, interval: 50 },
    )
  }
}, 120_000)
