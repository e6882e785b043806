/** A sub-agent acts for its parent: what was allowed to its agent elsewhere allows it nothing here. */
import { expect, test } from 'vitest'
import type { ProviderRequest } from '../ports/provider.ts'
import type { ModelTurn } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'
import { key, lastAsked, spawnStage } from './testing/spawn-stage.ts'

const call = (name: string, input: object = {}): ModelTurn => ({ calls: [{ id: 'c1', name, input: input as never }] })

/** On "go" `main` spawns, on "deploy" it deploys itself; a researcher deploys whenever it is asked, or spawns another one on "further". */
function scripted(request: ProviderRequest): ModelTurn {
  if (request.messages.at(-1)?.role !== 'user') return { text: 'done' }
  const asked = lastAsked(request)
  if (request.agent === 'researcher') {
    if (asked.startsWith('The sub-agent')) return { text: 'noted' }
    return asked === 'further' ? call('sessions_spawn', { task: 'deploy' }) : call('deploy')
  }
  if (asked.startsWith('go')) return call('sessions_spawn', { task: asked === 'go further' ? 'further' : 'deploy' })
  return asked === 'deploy' ? call('deploy') : { text: 'noted' }
}

async function deploying() {
  const ran: string[] = []
  const deploy = defineTool({
    name: 'deploy',
    description: 'Deploys',
    inputSchema: { type: 'object' },
    risk: 'high',
    execute: (_, { sessionKey }) => ran.push(sessionKey),
  })
  const agent = { tools: [deploy] }
  const staged = await spawnStage(scripted, { main: agent, researcher: agent, subAgents: { maxDepth: 2 } })
  const { approvals } = staged.claw
  const first = async () => {
    await staged.until(async () => (await approvals.list()).length > 0)
    return (await approvals.list())[0] as NonNullable<Awaited<ReturnType<typeof approvals.list>>[number]>
  }
  return { staged, approvals, ran, first }
}

const permit = { subject: 'tool:deploy', args: ['{}'] }

test.each(['go', 'go further'])('a grant of its own agent does not count, at any depth: %s', async (message) => {
  const { staged, approvals, ran, first } = await deploying()
  await approvals.grant({ scope: 'agent', agentId: 'researcher', ...permit })
  await staged.claw.session(key).send(message).result()
  await approvals.deny((await first()).id)
  await staged.notices(1)
  expect(ran).toEqual([])
  // The same agent in a session of its own is allowed.
  await staged.claw.session('agent:researcher:own').send('deploy').result()
  expect(ran).toEqual(['agent:researcher:own'])
  await staged.claw.stop()
})

test.each([
  ['agent', { agentId: 'main' }],
  ['session', { sessionKey: key }],
] as const)("a grant of its parent counts, and what is allowed in it for longer is its parent's: %s", async (scope, reach) => {
  const { staged, approvals, ran, first } = await deploying()
  await staged.claw.session(key).send('go').result()
  const { grants } = await approvals.approve((await first()).id, { scope })
  expect(grants).toEqual([expect.objectContaining({ scope, ...reach })])
  await staged.notices(1)
  await staged.claw.session(key).send('deploy').result()
  await staged.claw.session(key).send('go again').result()
  await staged.notices(2)
  expect([ran.length, await approvals.list()]).toEqual([3, []])
  await staged.claw.stop()
})

test('holds after a crash', async () => {
  const { staged, approvals, ran } = await deploying()
  await approvals.grant({ scope: 'agent', agentId: 'researcher', ...permit })
  await staged.claw.session(key).send('go').result()
  await staged.until(async () => (await approvals.list()).length > 0)
  const claw = await staged.restart()
  await claw.resumed
  const [request] = await claw.approvals.list()
  await claw.approvals.deny(request?.id ?? '')
  await staged.notices(1)
  expect(ran).toEqual([])
  await claw.stop()
})

test('holds when it was forgotten, a day after its end', async () => {
  const { staged, approvals, ran, first } = await deploying()
  await approvals.grant({ scope: 'agent', agentId: 'researcher', ...permit })
  await staged.claw.session(key).send('go').result()
  await approvals.deny((await first()).id)
  await staged.notices(1)
  const [one] = staged.subAgents.list()
  await staged.clock.advance(25 * 3_600_000)
  await staged.flush()
  expect(staged.subAgents.list()).toEqual([])
  const run = staged.claw.session(one?.sessionKey ?? '').send('deploy')
  await approvals.deny((await first()).id)
  await run.result()
  expect(ran).toEqual([])
  await staged.claw.stop()
})
