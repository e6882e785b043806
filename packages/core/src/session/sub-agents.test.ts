import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { AgentOptions } from '../agent/agent.ts'
import type { RunEvent } from '../base/events.ts'
import type { ToolMessage } from '../base/messages.ts'
import type { BeamClawOptions } from '../beamclaw-options.ts'
import type { ProviderRequest } from '../ports/provider.ts'
import { FunctionModel, type ModelTurn, type Stage, stage } from '../testing/model.ts'
import { agentTool, handoff } from '../tool/agent-tool.ts'
import { defineTool } from '../tool/tool.ts'
import type { SessionHandle } from './session-handle.ts'

const key = 'agent:main:main'

type Answers = Readonly<Record<string, (request: ProviderRequest, signal: AbortSignal) => ModelTurn | Promise<ModelTurn>>>

/** Agents whose models answer as the function of that name says. */
async function up(answers: Answers, agents: readonly Partial<AgentOptions>[], options: Partial<BeamClawOptions> = {}): Promise<Stage> {
  const model = new FunctionModel((request, _, signal) => answers[request.agent ?? '']?.(request, signal) ?? { text: 'nothing' })
  const list = agents.map((agent) => ({ id: 'main', model: `test/${agent.id}`, ...agent }))
  const set = await stage(model, {}, { agents: list, ...options })
  onTestFinished(() => void set.claw.kill())
  return set
}

const lastTool = ({ messages }: ProviderRequest): string => {
  const last = messages.at(-1)
  return last?.role === 'tool' ? String((last as ToolMessage).content[0]?.content) : ''
}

/** Calls the tool once, and says what came of it. */
const relay =
  (name: string) =>
  (request: ProviderRequest): ModelTurn =>
    request.messages.at(-1)?.role === 'tool'
      ? { text: `got: ${lastTool(request)}` }
      : { calls: [{ id: 'c', name, input: { task: 'find it' } }] }

const usage = (times: number) => ({ inputTokens: 10 * times, outputTokens: 5 * times, cacheReadTokens: 0, cacheWriteTokens: 0 })

describe('an agent as a tool', () => {
  test('does its task in a session of its own; its tokens and events are those of the run that asked', async () => {
    const { claw, model } = await up({ main: relay('ask_finder'), finder: () => ({ text: 'it is here' }) }, [
      { id: 'main', tools: [agentTool('finder')] },
      { id: 'finder' },
    ])
    const run = claw.session(key).send('go', { context: { user: 'ada' } })
    const told: RunEvent[] = []
    for await (const event of run) told.push(event)
    const result = await run.result()
    expect(result.text).toBe('got: it is here')
    expect(result.usage).toEqual(usage(3))
    expect(result.usageByModel).toEqual([
      { model: 'test/main', usage: usage(2) },
      { model: 'test/finder', usage: usage(1) },
    ])
    expect(result.toolCalls[0]).toMatchObject({ name: 'ask_finder', outcome: 'ok', usage: [{ model: 'test/finder', usage: usage(1) }] })
    const progress = told
      .filter((event) => event.type === 'tool-progress')
      .map(({ data }) => data as unknown as { agent: string; event: RunEvent })
    expect(progress.map(({ event }) => event.type)).toContain('message')
    expect(progress.at(-1)).toMatchObject({ agent: 'finder', event: { type: 'run-end', outcome: 'completed' } })
    const sessions = (await claw.sessions()).map((one) => one.sessionKey)
    expect(sessions.filter((one) => one.startsWith('agent:finder:sub:'))).toHaveLength(1)
    expect(model.requests.find(({ agent }) => agent === 'finder')?.messages).toEqual([{ role: 'user', content: 'find it' }])
  })

  test('has one run for one call, also when the process dies in the middle of it', async () => {
    const gate = Promise.withResolvers<void>()
    let asked = 0
    const finder = async (): Promise<ModelTurn> => {
      asked++
      await gate.promise
      return { text: 'it is here' }
    }
    const set = await up({ main: relay('ask_finder'), finder }, [{ id: 'main', tools: [agentTool('finder')] }, { id: 'finder' }])
    await set.claw.session(key).send('go', { idempotencyKey: 'one' }).accepted
    while (asked === 0) await flushEventLoop()
    const claw = await set.restart()
    while (asked < 2) await flushEventLoop()
    gate.resolve()
    const result = await claw.session(key).follow('one').result()
    expect(result.text).toBe('got: it is here')
    expect(result.usageByModel).toContainEqual({ model: 'test/finder', usage: usage(1) })
    const [child, ...others] = (await claw.sessions({ agentId: 'finder' })).map((one) => one.sessionKey)
    expect(others).toEqual([])
    expect((await claw.session(child ?? '').history()).messages.filter(({ message }) => message.role === 'user')).toHaveLength(1)
  })

  test('goes on after a stop on purpose, and is not aborted by it', async () => {
    let asked = 0
    const finder = async (_: ProviderRequest, signal: AbortSignal): Promise<ModelTurn> => {
      if (++asked > 1) return { text: 'it is here' }
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      return {}
    }
    const set = await up({ main: relay('ask_finder'), finder }, [{ id: 'main', tools: [agentTool('finder')] }, { id: 'finder' }])
    await set.claw.session(key).send('go', { idempotencyKey: 'one' }).accepted
    while (asked === 0) await flushEventLoop()
    const { store } = set
    // The store outlives this one.
    store.stop = async () => {}
    await set.claw.stop()
    const claw = await set.restart()
    expect((await claw.session(key).follow('one').result()).text).toBe('got: it is here')
  })

  test('is aborted with the run that asked', async () => {
    let asked = 0
    const finder = (): Promise<ModelTurn> => {
      asked++
      return new Promise(() => {})
    }
    const { claw } = await up({ main: relay('ask_finder'), finder }, [{ id: 'main', tools: [agentTool('finder')] }, { id: 'finder' }])
    const run = claw.session(key).send('go')
    run.result().catch(() => {})
    while (asked === 0) await flushEventLoop()
    const ended = new Promise<string>((resolve) => void claw.on('run-end', ({ outcome }) => resolve(outcome), { agent: 'finder' }))
    await claw.session(key).abort()
    expect(await ended).toBe('aborted')
    await expect(run.result()).rejects.toMatchObject({ code: 'run-aborted' })
  })

  test('is still asked by a run under way when the node drains, which refuses other messages', async () => {
    const gate = Promise.withResolvers<void>()
    const main = async (request: ProviderRequest): Promise<ModelTurn> => {
      await gate.promise
      return relay('ask_finder')(request)
    }
    const { claw } = await up({ main, finder: () => ({ text: 'it is here' }) }, [
      { id: 'main', tools: [agentTool('finder')] },
      { id: 'finder' },
    ])
    const run = claw.session(key).send('go')
    await run.accepted
    const drained = claw.drain()
    await expect(claw.session(key).send('more').accepted).rejects.toMatchObject({ code: 'draining' })
    gate.resolve()
    expect((await run.result()).text).toBe('got: it is here')
    await drained
  })

  test('that fails tells so, and what it has spent counts', async () => {
    const fails = (): never => {
      throw new Error('secret')
    }
    const broken = defineTool({ name: 'again', description: 'again', execute: fails })
    const { claw } = await up({ main: relay('ask_finder'), finder: () => ({ calls: [{ id: 'x', name: 'again' }] }) }, [
      { id: 'main', tools: [agentTool('finder')] },
      { id: 'finder', tools: [broken], maxTurns: 2 },
    ])
    const run = claw.session(key).send('go')
    const progress: string[] = []
    for await (const event of run) if (event.type === 'tool-progress') progress.push(JSON.stringify(event.data))
    // Readers get no text of an error, wherever it comes from.
    expect(progress.at(-1)).toContain('"event":{"type":"run-end"')
    expect(progress.join()).not.toMatch(/ended after|secret/)
    const { text, usageByModel } = await run.result()
    expect(text).toMatch(/^got: The agent "finder" gave no answer: .*\(max-turns\)$/)
    expect(usageByModel).toContainEqual({ model: 'test/finder', usage: usage(2) })
  })

  test('remembers, where it has a session of a name', async () => {
    const { claw, model } = await up({ main: relay('ask_finder'), finder: () => ({ text: 'ok' }) }, [
      { id: 'main', tools: [agentTool('finder', { sessionId: ({ sessionKey }) => `for:${sessionKey.slice(6)}` })] },
      { id: 'finder' },
    ])
    await claw.session(key).send('go').result()
    await claw.session(key).send('go').result()
    expect(model.requests.filter(({ agent }) => agent === 'finder').at(-1)?.messages).toHaveLength(3)
    expect((await claw.sessions({ agentId: 'finder' })).map((one) => one.sessionKey)).toEqual(['agent:finder:for:main:main'])
  })

  test('asks others at most so deep', async () => {
    const answers = { main: relay('ask_main') }
    const { claw } = await up(answers, [{ id: 'main', tools: [agentTool('main')] }], { sessions: { maxCallDepth: 2 } })
    const { text, usage: all } = await claw.session(key).send('go').result()
    expect(text).toMatch(/^got: got: got: Error: 3 sessions would wait for each other, and 2 may/)
    expect(all).toEqual(usage(6))
    expect(await claw.sessions()).toHaveLength(3)
  })

  test('cannot be asked deeper through a fork that a tool has made', async () => {
    const forks = defineTool({
      name: 'forks',
      description: 'forks',
      async execute(_, { session }) {
        const branch = await (session('agent:main:source') as SessionHandle).fork('agent:main:branch')
        return (await branch.send('go on').result()).text
      },
    })
    const main = (request: ProviderRequest): ModelTurn =>
      request.messages.length === 1 ? relay('forks')(request) : { text: lastTool(request) }
    const { claw } = await up({ main }, [{ id: 'main', tools: [forks] }], { sessions: { maxCallDepth: 0 } })
    await claw.session('agent:main:source').import([{ role: 'user', content: 'hello' }])
    expect((await claw.session(key).send('go').result()).text).toMatch(/1 sessions would wait for each other, and 0 may/)
  })

  test.each<[string, () => unknown, RegExp]>([
    ['returns a number', () => 5, /agentTool: option "sessionId" must be a function that returns text, received 5/],
    ['returns nothing', () => undefined, /option "sessionId" must be a function that returns text/],
    ['returns no text', () => '', /option "sessionId" must be a function that returns text/],
    ['returns a promise', () => Promise.reject(new Error('unhandled')), /option "sessionId" must be a function that returns text/],
    [
      'throws',
      () => {
        throw new Error('no tenant')
      },
      /agentTool: the function of option "sessionId" failed: no tenant/,
    ],
  ])('is not asked where the function of its session %s, and the model is told why', async (_, sessionId, problem) => {
    const { claw } = await up({ main: relay('ask_finder') }, [
      { id: 'main', tools: [agentTool('finder', { sessionId: sessionId as never })] },
      { id: 'finder' },
    ])
    const { text, toolCalls } = await claw.session(key).send('go').result()
    expect(text).toMatch(problem)
    expect(toolCalls[0]?.outcome).toBe('error')
    expect(await claw.sessions({ agentId: 'finder' })).toEqual([])
  })

  test('that would wait for the session that asks is told so, and leaves no message behind', async () => {
    const { claw } = await up({ main: relay('ask_main') }, [{ id: 'main', tools: [agentTool('main', { sessionId: 'main' })] }])
    const { text } = await claw.session(key).send('go').result()
    expect(text).toMatch(/would wait for its own run/)
    expect((await claw.session(key).history()).runs).toEqual([])
  })

  test('refuses a task that is none', async () => {
    const main = (request: ProviderRequest): ModelTurn =>
      request.messages.at(-1)?.role === 'tool' ? { text: lastTool(request) } : { calls: [{ id: 'c', name: 'ask_finder', input: {} }] }
    const { claw } = await up({ main }, [{ id: 'main', tools: [agentTool('finder')] }, { id: 'finder' }])
    expect((await claw.session(key).send('go').result()).text).toMatch(/not valid: .*task must be text/)
  })
})

describe('a hand-off', () => {
  const turn = (text: string) => (): ModelTurn => ({ text })
  const hands = (to: string) => (): ModelTurn => ({ calls: [{ id: 'h', name: `hand_off_to_${to}` }] })

  test('has the other agent answer from the next turn on, and in later runs, over restarts', async () => {
    const set = await up({ main: hands('billing'), billing: turn('billing here') }, [
      { id: 'main', system: 'triage', tools: [handoff('billing')] },
      { id: 'billing', system: 'bills' },
    ])
    const { text, steps } = await set.claw.session(key).send('my bill').result()
    expect(text).toBe('billing here')
    expect(steps.map(({ model }) => model)).toEqual(['test/main', 'test/billing'])
    expect(set.model.requests.at(-1)).toMatchObject({ system: 'bills', agent: 'billing' })
    expect((await set.claw.session(key).inspect()).agentId).toBe('billing')
    const claw = await set.restart()
    await claw.session(key).send('and again').result()
    expect(set.model.requests.map(({ agent }) => agent)).toEqual(['main', 'billing', 'billing'])
  })

  test('holds after a crash right behind it, and after a snapshot has taken the place of its record', async () => {
    let answers = 0
    const gate = Promise.withResolvers<ModelTurn>()
    const set = await up({ main: hands('billing'), billing: () => (++answers === 1 ? gate.promise : { text: 'billing here' }) }, [
      { id: 'main', tools: [handoff('billing')] },
      { id: 'billing' },
    ])
    await set.claw.session(key).send('my bill', { idempotencyKey: 'one' }).accepted
    while (answers === 0) await flushEventLoop()
    let claw = await set.restart()
    expect((await claw.session(key).follow('one').result()).text).toBe('billing here')
    for (let index = 0; index < 60; index++) await claw.session(key).send('more').result()
    claw = await set.restart()
    await claw.session(key).send('last').result()
    expect(set.model.requests.filter(({ agent }) => agent === 'main')).toHaveLength(1)
    const result = await claw.session(key).follow('one').result()
    expect(result).toMatchObject({ text: 'billing here', usage: usage(2) })
    expect(result.steps.map(({ model }) => model)).toEqual(['test/main', 'test/billing'])
    expect(result.usageByModel.map(({ model }) => model)).toEqual(['test/main', 'test/billing'])
  })

  test('goes back, and to the agent of the key where the other is configured no more', async () => {
    const back = (request: ProviderRequest): ModelTurn =>
      lastTool(request) === '' ? { calls: [{ id: 'h', name: 'hand_off_to_main' }] } : { text: 'b' }
    const main = (request: ProviderRequest): ModelTurn =>
      lastTool(request) === '' ? { calls: [{ id: 'h', name: 'hand_off_to_billing' }] } : { text: 'main' }
    const agents = [
      { id: 'main', model: 'test/main', tools: [handoff('billing')] },
      { id: 'billing', model: 'test/billing', tools: [handoff('main')] },
    ]
    const { claw } = await up({ main, billing: back }, agents)
    expect((await claw.session(key).send('1').result()).text).toBe('b')
    expect((await claw.session(key).send('2').result()).text).toBe('main')
    expect((await claw.session(key).send('3').result()).text).toBe('b')
    claw.updateAgents([{ id: 'main', model: 'test/main' }])
    expect((await claw.session(key).inspect()).agentId).toBe('main')
  })

  test('to nobody, or by a call that fails, does not happen', async () => {
    const nowhere = defineTool({ name: 'hand_off_to_nobody', description: 'fails', execute: (_, { handOff }) => void handOff('nobody') })
    const fails = defineTool({
      name: 'hand_off_to_billing',
      description: 'fails',
      execute: (_, { handOff }) => {
        handOff('billing')
        throw new Error('no')
      },
    })
    const main = (request: ProviderRequest): ModelTurn =>
      lastTool(request) === ''
        ? {
            calls: [
              { id: 'h', name: 'hand_off_to_nobody' },
              { id: 'i', name: 'hand_off_to_billing' },
            ],
          }
        : { text: lastTool(request) }
    const { claw } = await up({ main }, [{ id: 'main', tools: [nowhere, fails] }, { id: 'billing' }])
    expect((await claw.session(key).send('go').result()).text).toMatch(/no agent "nobody"/)
    expect((await claw.session(key).inspect()).agentId).toBe('main')
  })
})

describe('what a tool reports', () => {
  test('of tokens counts for the run, once it is checked', async () => {
    const spends = defineTool({
      name: 'spends',
      description: 'spends',
      execute: (_, { reportUsage }) => {
        reportUsage('acme/embed', usage(1))
        reportUsage('acme/embed', usage(1))
        reportUsage('acme/embed', { ...usage(1), inputTokens: -1 })
      },
    })
    const main = (request: ProviderRequest): ModelTurn =>
      lastTool(request) === '' ? { calls: [{ id: 'c', name: 'spends' }] } : { text: lastTool(request) }
    const { claw } = await up({ main }, [{ id: 'main', tools: [spends] }])
    const { text, usageByModel } = await claw.session(key).send('go').result()
    expect(text).toMatch(/reportUsage: usage.inputTokens/)
    expect(usageByModel).toContainEqual({ model: 'acme/embed', usage: usage(2) })
  })
})
