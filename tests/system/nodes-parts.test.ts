import { SubAgents } from '@beamclaw/core'
import { textAnswer } from '@beamclaw/testkit'
import { expect, test, vi } from 'vitest'
import { type LabNode, Nodes } from './lab/nodes.ts'

const patiently = { timeout: 15_000, interval: 10 }
const parent = 'agent:main:chat'

test('a sub-agent whose node is killed goes on, and its parent hears of its end once', async () => {
  let isHeld = true
  const subAgents = new Map<string, SubAgents>()
  await using lab = await Nodes.start({
    parts: (id) => {
      const part = new SubAgents({ agents: { main: ['helper'] } })
      subAgents.set(id, part)
      return [part]
    },
    answers: ({ messages }) => {
      const last = String(messages.at(-1)?.content)
      return isHeld && last.includes('the task') ? new Promise<never>(() => {}) : textAnswer(`heard ${last}`)
    },
  })
  const [first] = lab.nodes as [LabNode]
  await first.claw.session(parent).send('hello').result()
  // The spawner dies, with whatever it follows.
  const spawner = lab.nodes[1] as LabNode
  const spawned = await subAgents.get(spawner.id)?.of().spawn({ parent, agent: 'helper', task: 'the task', idempotencyKey: 'one' })
  expect(spawned?.status).not.toBe('completed')
  lab.kill(spawner)
  isHeld = false
  const rest = lab.nodes.filter((node) => node !== spawner)
  for (const { claw } of rest) {
    await vi.waitFor(async () => {
      const { messages } = await claw.session(parent).history()
      const told = messages.filter(({ message }) => message.role === 'user').slice(1)
      expect(told).toHaveLength(1)
      expect(JSON.stringify(told[0]?.message.content)).toContain('heard')
    }, patiently)
  }
})
