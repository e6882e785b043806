/** `subagents.*` over a WebSocket; each frame is checked against the published schema as it comes. */
import { SubAgents } from '@beamclaw/core'
import { expect, test } from 'vitest'
import { implementSubAgents } from './sub-agent-methods.ts'
import { RawClient } from './testing/raw-client.ts'
import { scene } from './testing/scene.ts'

const parent = 'agent:main:a'

test('sub-agents are listed, looked at and ended, by who may', async () => {
  const subAgents = new SubAgents({ agents: { main: ['other'] } })
  await using stage = await scene({
    model: ({ agent }) => (agent === 'other' ? new Promise(() => {}) : { text: 'noted' }),
    claw: { parts: [subAgents] },
    gateway: { methods: [implementSubAgents(subAgents)] },
  })
  await using client = await RawClient.connected(stage.url)
  await stage.claw.session(parent).send('hello').result()
  const { id } = await subAgents.of().spawn({ parent, task: 'find it', label: 'the search' })
  const row = { id, agentId: 'other', parent, task: 'find it', label: 'the search', depth: 1, status: 'running' }
  await expect.poll(async () => (await client.request('subagents.get', { id })).payload).toMatchObject(row)
  expect((await client.request('subagents.list', { parent, running: true })).payload).toMatchObject({ subAgents: [row] })
  expect((await client.request('subagents.list', { parent: 'agent:main:b' })).payload).toEqual({ subAgents: [] })
  await using reader = await RawClient.connected(stage.url, { scopes: ['operator.read'] })
  expect((await reader.request('subagents.cancel', { id })).error).toMatchObject({ code: 'FORBIDDEN' })
  expect((await client.request('subagents.cancel', { id })).payload).toMatchObject({
    id,
    status: 'cancelled',
    endedAtMs: expect.any(Number),
  })
  expect((await client.request('subagents.get', { id: 'none' })).error).toMatchObject({ details: { code: 'unknown-sub-agent' } })
})
