import { describe, expect, test } from 'vitest'
import { defineAgent } from '../agent/agent.ts'
import { callsOnce, look, results } from '../testing/attachment-scene.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { defineTool, type Tool } from '../tool/tool.ts'

const [a, b] = ['agent:main:a', 'agent:main:b'] as const
const named = (name: string, says: string): Tool =>
  defineTool({ name, description: 'Looks', inputSchema: { type: 'object' }, execute: () => says })
const model = (): FunctionModel => new FunctionModel(({ messages }, index) => callsOnce(messages, index))
const lastResult = ({ requests }: FunctionModel): unknown => results(requests.at(-1)?.messages).at(-1)?.content

describe('tools of one session', () => {
  test('are its own: another session of the agent has its own, and cannot name them', async () => {
    const set = await stage(model(), {
      tools: [named('search', 'found')],
      sessionTools: ({ sessionKey, tenant }) =>
        sessionKey === a ? [named('look', `${tenant} ${sessionKey}`)] : [named('other', 'other'), named('aside', 'aside')],
    })
    await set.claw.session(a).send('look').result()
    expect(lastResult(set.model)).toBe(`default ${a}`)
    await set.claw.session(b).send('look').result()
    expect(lastResult(set.model)).toMatch(/no tool "look"/)
    const offered = set.model.requests.map(({ tools }) => tools?.map(({ name }) => name))
    expect(offered).toEqual([
      ['look', 'search'],
      ['look', 'search'],
      ['aside', 'other', 'search'],
      ['aside', 'other', 'search'],
    ])
    await set.claw
      .session(a)
      .send('look', { tools: ['look'] })
      .result()
    await expect(set.claw.session(b).send('look', { tools: ['look'] }).accepted).rejects.toMatchObject({ code: 'invalid-option' })
    await set.claw.stop()
  })

  test('are asked for once while the session is loaded, again after a restart, and again for a new definition', async () => {
    const asked: string[] = []
    const options = (says: string) => ({
      id: 'main',
      model: 'test/model',
      sessionTools: ({ sessionKey }: { readonly sessionKey: string }) => {
        asked.push(`${says} ${sessionKey}`)
        return [named('look', says)]
      },
    })
    const set = await stage(model(), options('first'))
    for (let round = 0; round < 3; round++) await set.claw.session(a).send('look').result()
    expect(asked).toEqual([`first ${a}`])
    set.claw.updateAgents([defineAgent(options('second'))])
    await set.claw.session(a).send('look').result()
    expect(lastResult(set.model)).toBe('second')
    await set.restart()
    await set.claw.session(a).send('look').result()
    expect(asked).toEqual([`first ${a}`, `second ${a}`, `first ${a}`])
    await set.claw.stop()
  })

  test('are there for a call that waited for approval over a restart', async () => {
    const ran: string[] = []
    const deploy = defineTool({
      name: 'look',
      description: 'Deploys',
      inputSchema: { type: 'object' },
      risk: 'high',
      execute: (_, { sessionKey }) => ran.push(sessionKey),
    })
    const set = await stage(model(), { sessionTools: () => [deploy] })
    const run = set.claw.session(a).send('look', { idempotencyKey: 'one' })
    while ((await set.claw.approvals.list()).length === 0) await set.clock.advance(1)
    run.result().catch(() => {})
    const claw = await set.restart()
    await claw.resumed
    const [request] = await claw.approvals.list()
    await claw.approvals.approve(request?.id ?? '')
    await claw.session(a).send('look', { idempotencyKey: 'one' }).result()
    expect(ran).toEqual([a])
    await claw.stop()
  })

  test('pass the lists of the agent', async () => {
    const set = await stage(model(), { deniedTools: ['lo*'], sessionTools: () => [named('look', 'seen'), named('search', 'found')] })
    await set.claw.session(a).send('look').result()
    expect(set.model.requests[0]?.tools?.map(({ name }) => name)).toEqual(['search'])
    await set.claw.stop()
  })

  test.each<[string, () => never]>([
    [
      'throws',
      () => {
        throw new Error('no account')
      },
    ],
    ['returns no list', () => ({ look: 1 }) as never],
    ['returns a tool twice', () => [named('look', ''), named('look', '')] as never],
    ['returns what is no tool', () => [null] as never],
    ['returns a promise', () => Promise.resolve([]) as never],
  ])('whose function %s are not there, and the session goes on', async (_, sessionTools) => {
    const logged: string[] = []
    const logger = { log: (_level: string, event: string) => void logged.push(event) }
    const { clock } = await stage(model())
    const set = await stage(model(), { tools: look(() => 'seen'), sessionTools }, { services: { logger, clock } })
    await set.claw.session(a).send('look').result()
    expect(lastResult(set.model)).toBe('seen')
    expect(logged.filter((event) => event === 'session.tools-failed')).toHaveLength(1)
    await set.claw.stop()
  })
})
