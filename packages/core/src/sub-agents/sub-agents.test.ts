import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import type { ProviderRequest } from '../ports/provider.ts'
import type { ModelTurn } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'
import { SubAgents } from './sub-agents.ts'
import { key, lastAsked, spawnStage } from './testing/spawn-stage.ts'

const spawn = (input: object, id = 'c1'): ModelTurn => ({ calls: [{ id, name: 'sessions_spawn', input: input as never }] })
const isFresh = ({ messages }: ProviderRequest): boolean => messages.at(-1)?.role === 'user'
const never = (): Promise<never> => new Promise(() => {})

/** `main` spawns on "go" and else says "noted"; the test says what the sub-agent does. */
function spawner(
  child: (request: ProviderRequest, signal: AbortSignal) => ModelTurn | Promise<ModelTurn>,
  input: object = { task: 'find it' },
) {
  return (request: ProviderRequest, signal: AbortSignal): ModelTurn | Promise<ModelTurn> => {
    if (request.agent === 'researcher') return child(request, signal)
    return lastAsked(request) === 'go' && isFresh(request) ? spawn(input) : { text: 'noted' }
  }
}

describe('a sub-agent', () => {
  test('runs in a session of its own, and its parent gets the answer and the tokens as a message', async () => {
    const staged = await spawnStage(spawner(() => ({ text: 'it is 42' })))
    const { toolCalls } = await staged.claw.session(key).send('go').result()
    const { id, sessionKey } = JSON.parse(String(toolCalls[0]?.result?.content))
    expect(sessionKey).toBe(`agent:researcher:sub:${id}`)
    const [notice, ...more] = await staged.notices(1)
    expect(more).toEqual([])
    expect(notice).toContain('has completed its task')
    expect(notice).toContain('it is 42')
    expect(notice).toContain('Tokens: test/model 10 in, 5 out.')
    expect(staged.subAgents.get(id)).toMatchObject({ status: 'completed', answer: 'it is 42', parent: key, depth: 1 })
    expect(staged.subAgents.list({ parent: key, isRunning: false }).map((one) => one.id)).toEqual([id])
    const { messages } = await staged.claw.session(sessionKey).history()
    expect(messages[0]?.message.content).toBe('find it')
    // Streams listen for a second after their message.
    await staged.clock.advance(1_000)
    await staged.claw.stop()
    expect(staged.clock.pendingTimers).toBe(0)
  })

  test('is spawned, waited for and cancelled by a program too', async () => {
    const staged = await spawnStage((request) => (request.agent === 'researcher' ? never() : { text: 'noted' }))
    await staged.claw.session(key).send('hello').result()
    const one = await staged.subAgents.spawn({ parent: key, task: 'a', idempotencyKey: 'k', label: 'first' })
    expect((await staged.subAgents.spawn({ parent: key, task: 'a', idempotencyKey: 'k' })).id).toBe(one.id)
    await expect(staged.subAgents.spawn({ parent: key, task: 'b', idempotencyKey: 'k' })).rejects.toMatchObject({
      code: 'idempotency-mismatch',
    })
    await staged.flush()
    expect(await staged.subAgents.cancel(one.id)).toMatchObject({ status: 'cancelled', label: 'first' })
    expect(await staged.notices(1)).toHaveLength(1)
    expect((await staged.notices(1))[0]).toContain('was cancelled')
    expect(() => staged.subAgents.get('x')).toThrow(expect.objectContaining({ code: 'unknown-sub-agent' }))
    await expect(staged.subAgents.spawn({ parent: 'agent:main:none', task: 'a' })).rejects.toMatchObject({ code: 'unknown-session' })
    await staged.claw.stop()
  })

  test('that its parent cancels is not told of again', async () => {
    let id = ''
    const staged = await spawnStage((request) => {
      if (request.agent === 'researcher') return never()
      if (lastAsked(request) === 'end' && isFresh(request))
        return { calls: [{ id: 'c9', name: 'subagents', input: { action: 'cancel', id } }] }
      return lastAsked(request) === 'go' && isFresh(request) ? spawn({ task: 'x' }) : { text: 'noted' }
    })
    await staged.claw.session(key).send('go').result()
    id = staged.subAgents.list()[0]?.id ?? ''
    const { toolCalls } = await staged.claw.session(key).send('end').result()
    expect(toolCalls[0]?.result?.content).toContain('was cancelled')
    expect(await staged.notices()).toEqual([])
    // Another conversation of the same agent does not see it.
    const other = await staged.claw.session('agent:main:b').send('end').result()
    expect(other.toolCalls[0]?.result).toMatchObject({ isError: true })
    await staged.claw.stop()
  })

  test('ends at its deadline, and its parent is told', async () => {
    const staged = await spawnStage(spawner(() => never(), { task: 'x', timeoutMs: 5_000 }))
    await staged.claw.session(key).send('go').result()
    await staged.until(() => staged.subAgents.list()[0]?.status === 'running')
    await staged.clock.advance(4_999)
    expect(staged.subAgents.list()[0]?.status).toBe('running')
    await staged.clock.advance(1)
    expect((await staged.notices(1))[0]).toContain('was ended by its timeout after 5.0 s')
    await staged.claw.stop()
  })

  test.each([{ maxTurns: 3 }, { maxTokens: 40 }])('ends when it has used up its budget: %o', async (limits) => {
    const loop = defineTool({ name: 'loop', description: 'x', execute: () => `${Math.random()}` })
    const staged = await spawnStage(
      spawner(({ messages }) => ({ calls: [{ id: `l${messages.length}`, name: 'loop' }] })),
      { subAgents: limits, main: { tools: [loop] }, researcher: { tools: [loop] } },
    )
    await staged.claw.session(key).send('go').result()
    expect((await staged.notices(1))[0]).toContain('had used up its budget')
    expect(staged.subAgents.list()[0]?.status).toBe('over-budget')
    await staged.claw.stop()
  })

  test('that fails is told with the reason', async () => {
    const staged = await spawnStage(spawner(() => ({ fails: new BeamClawError('provider-auth', 'no key') })))
    await staged.claw.session(key).send('go').result()
    expect((await staged.notices(1))[0]).toContain('(provider-auth)')
    await staged.claw.stop()
  })

  test('leaves nothing behind where it is to be deleted', async () => {
    const staged = await spawnStage(spawner(() => ({ text: 'done' }), { task: 'x', cleanup: 'delete' }))
    await staged.claw.session(key).send('go').result()
    expect(await staged.notices(1)).toHaveLength(1)
    const { sessionKey } = staged.subAgents.list()[0] ?? { sessionKey: '' }
    expect(await staged.claw.session(sessionKey).exists()).toBe(false)
    await staged.claw.stop()
  })

  test('is forgotten a day after its end', async () => {
    const staged = await spawnStage(spawner(() => ({ text: 'done' })))
    await staged.claw.session(key).send('go').result()
    await staged.notices(1)
    await staged.clock.advance(24 * 3_600_000)
    await staged.flush()
    expect(staged.subAgents.list()).toEqual([])
    expect(await staged.store.list(['default' as never, 'sub-agents'])).toEqual([])
    await staged.claw.stop()
  })
})

describe('limits of sub-agents', () => {
  test('one level deep: a sub-agent has no tool to spawn, and is refused', async () => {
    const seen: (readonly string[] | undefined)[] = []
    const staged = await spawnStage(
      spawner((request) => {
        seen.push(request.tools?.map(({ name }) => name))
        return { text: 'done' }
      }),
    )
    await staged.claw.session(key).send('go').result()
    await staged.notices(1)
    expect(seen).toEqual([['subagents']])
    const child = staged.subAgents.list()[0]?.sessionKey ?? ''
    await expect(staged.subAgents.spawn({ parent: child, task: 'x' })).rejects.toMatchObject({ code: 'call-depth' })
    await staged.claw.stop()
  })

  test('eight at once for each session', async () => {
    const staged = await spawnStage((request) => (request.agent === 'researcher' ? never() : { text: 'noted' }))
    for (const name of [key, 'agent:main:b']) await staged.claw.session(name).send('hello').result()
    const all = await Promise.allSettled(Array.from({ length: 9 }, () => staged.subAgents.spawn({ parent: key, task: 'x' })))
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(8)
    expect(all.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'too-many-sub-agents', kind: 'limited' } })
    await staged.subAgents.spawn({ parent: 'agent:main:b', task: 'x' })
    await staged.subAgents.cancel(staged.subAgents.list({ parent: key })[0]?.id ?? '')
    await staged.subAgents.spawn({ parent: key, task: 'x' })
    await staged.claw.stop()
  })

  test('only the agents of the list', async () => {
    const staged = await spawnStage(() => ({ text: 'noted' }), { subAgents: { agents: { main: ['researcher'] } } })
    for (const name of [key, 'agent:researcher:b']) await staged.claw.session(name).send('hello').result()
    await expect(staged.subAgents.spawn({ parent: key, task: 'x', agent: 'main' })).rejects.toMatchObject({ code: 'unknown-agent' })
    await expect(staged.subAgents.spawn({ parent: 'agent:researcher:b', task: 'x' })).rejects.toMatchObject({ code: 'unknown-agent' })
    expect((await staged.subAgents.spawn({ parent: key, task: 'x' })).agentId).toBe('researcher')
    await staged.claw.stop()
  })

  test('no tool that the parent has not, none of another making, and none that asks less', async () => {
    const shared = defineTool({ name: 'shared', description: 'x', execute: () => 'x' })
    const denied = defineTool({ name: 'denied', description: 'x', execute: () => 'x' })
    const own = defineTool({ name: 'own', description: 'x', execute: () => 'x' })
    const like = (): ReturnType<typeof defineTool> => defineTool({ name: 'like', description: 'x', execute: () => 'x' })
    const toolsOf = async (main: object, researcher: object, ownTools: readonly string[] = []): Promise<readonly string[]> => {
      let seen: readonly string[] = []
      const staged = await spawnStage(
        spawner((request) => {
          seen = request.tools?.map(({ name }) => name) ?? []
          return { text: 'done' }
        }),
        {
          subAgents: { ownTools },
          main: { tools: [shared, denied, like()], ...main },
          researcher: { tools: [shared, denied, own, like()], ...researcher },
        },
      )
      await staged.claw.session(key).configure({ deniedTools: ['denied'] })
      await staged.claw.session(key).send('go').result()
      await staged.notices(1)
      await staged.claw.stop()
      return seen
    }
    expect(await toolsOf({}, {})).toEqual(['shared', 'subagents'])
    expect(await toolsOf({}, {}, ['own'])).toEqual(['own', 'shared', 'subagents'])
    expect(await toolsOf({}, { askMode: 'off' })).toEqual([])
    expect(await toolsOf({ askMode: 'off' }, { askMode: 'always' })).toEqual(['shared', 'subagents'])
  })

  test('are those that a function returns now, and none where it throws', async () => {
    let allowed: () => readonly string[] = () => ['researcher']
    const staged = await spawnStage(() => ({ text: 'noted' }), { subAgents: { agents: (parent) => (parent === 'main' ? allowed() : []) } })
    await staged.claw.session(key).send('hello').result()
    expect((await staged.subAgents.spawn({ parent: key, task: 'one' })).agentId).toBe('researcher')
    allowed = () => {
      throw new Error('not now')
    }
    await expect(staged.subAgents.spawn({ parent: key, task: 'two' })).rejects.toMatchObject({ code: 'unknown-agent' })
    await staged.claw.stop()
  })

  test.each([{ maxDepth: 6 }, { maxDepth: 0 }, { agents: 'some' }, { agents: { main: 'researcher' } }, { cleanup: 'burn' }])(
    'wrong options are refused: %o',
    (options) => {
      expect(() => new SubAgents({ agents: 'all', ...options } as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    },
  )
})

describe('the parent of a sub-agent', () => {
  test('takes it along when the run that has spawned it is aborted', async () => {
    const staged = await spawnStage((request) => {
      if (request.agent === 'researcher') return never()
      return isFresh(request) ? spawn({ task: 'x' }) : never()
    })
    const run = staged.claw.session(key).send('go')
    run.result().catch(() => {})
    await run.accepted
    await staged.until(() => staged.subAgents.list()[0]?.status === 'running')
    await staged.claw.session(key).abort()
    await staged.until(() => staged.subAgents.list()[0]?.status === 'cancelled')
    expect(await staged.notices()).toEqual([])
    await staged.claw.stop()
  })

  test('takes it along when it is deleted', async () => {
    const staged = await spawnStage(spawner(() => never()))
    await staged.claw.session(key).send('go').result()
    await staged.flush()
    await staged.claw.session(key).delete()
    await staged.until(() => staged.subAgents.list()[0]?.status === 'cancelled')
    expect(await staged.claw.session(key).exists()).toBe(false)
    await staged.claw.stop()
  })
})

describe('sub-agents of sub-agents', () => {
  /** The first level spawns, and passes on what the second has found. */
  const chain = (leaf: () => ModelTurn | Promise<ModelTurn>) => (request: ProviderRequest) => {
    const asked = lastAsked(request)
    if (asked === 'leaf') return leaf()
    if (asked.startsWith('The sub-agent')) return { text: `heard ${/found \w+/.exec(asked)?.[0] ?? 'nothing'}` }
    if (!isFresh(request)) return { text: 'spawned' }
    return spawn({ task: request.agent === 'main' ? 'middle' : 'leaf' })
  }

  test('the answer that counts is the one after the last of them, and the tokens are of all', async () => {
    const staged = await spawnStage(
      chain(() => ({ text: 'found gold' })),
      { subAgents: { maxDepth: 2 } },
    )
    await staged.claw.session(key).send('go').result()
    const [notice, ...more] = await staged.notices(1)
    expect(more).toEqual([])
    expect(notice).toContain('heard found gold')
    const middle = staged.subAgents.list({ parent: key })[0]
    // Two turns, the leaf's turn, and the turn after its message.
    expect(middle?.usageByModel).toEqual([{ model: 'test/model', usage: expect.objectContaining({ inputTokens: 40, outputTokens: 20 }) }])
    await staged.claw.stop()
  })

  test('are cancelled with it', async () => {
    const staged = await spawnStage(chain(never), { subAgents: { maxDepth: 2 } })
    await staged.claw.session(key).send('go').result()
    await staged.until(() => staged.subAgents.list({ isRunning: true }).length === 2)
    const middle = staged.subAgents.list({ parent: key })[0]
    await staged.subAgents.cancel(middle?.id ?? '')
    await staged.flush()
    expect(staged.subAgents.list().map(({ status }) => status)).toEqual(['cancelled', 'cancelled'])
    expect(await staged.notices(0, middle?.sessionKey)).toEqual([])
    await staged.claw.stop()
  })
})
