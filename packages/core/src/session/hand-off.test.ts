import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import type { AgentOptions } from '../agent/agent.ts'
import type { JsonValue, ToolMessage } from '../base/messages.ts'
import type { ProviderRequest } from '../ports/provider.ts'
import { FunctionModel, type ModelTurn, type Stage, stage } from '../testing/model.ts'
import { handoff } from '../tool/agent-tool.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'

async function up(
  agents: readonly Partial<AgentOptions>[],
  answers: Readonly<Record<string, (request: ProviderRequest) => ModelTurn>>,
): Promise<Stage> {
  const model = new FunctionModel((request) => answers[request.agent ?? '']?.(request) ?? { text: `${request.agent} here` })
  const list = agents.map((agent) => ({ id: 'main', model: 'test/model', ...agent }))
  const set = await stage(model, {}, { agents: list })
  onTestFinished(() => void set.claw.kill())
  return set
}

const lastTool = ({ messages }: ProviderRequest): string => {
  const last = messages.at(-1)
  return last?.role === 'tool' ? String((last as ToolMessage).content[0]?.content) : ''
}

/** Calls a tool once, and says what came of it. */
const calls =
  (name: string) =>
  (request: ProviderRequest): ModelTurn =>
    lastTool(request) === '' ? { calls: [{ id: 'h', name }] } : { text: `main: ${lastTool(request)}` }

const answersOf = ({ model }: Stage): (string | undefined)[] => model.requests.map(({ agent }) => agent)

describe('the context of a run that is handed over', () => {
  const account = z.object({ account: z.number() })
  const seen: JsonValue[] = []
  const agents = (billing: Partial<AgentOptions> = { context: account as never }): Partial<AgentOptions>[] => [
    { id: 'main', tools: [handoff('billing')] },
    {
      id: 'billing',
      system: (({ context }: { context: JsonValue }) => {
        seen.push(context)
        return 'bills'
      }) as never,
      ...billing,
    },
  ]
  const triage = { main: calls('hand_off_to_billing') }

  test('that the other agent refuses is told to the model as a failed call, and the other agent is not asked', async () => {
    const set = await up(agents(), triage)
    const { text, toolCalls } = await set.claw
      .session(key)
      .send('my bill', { context: { user: 'ada' } })
      .result()
    expect(text).toMatch(
      /^main: Error: The conversation was not handed over. The context of this run is not what agent "billing" needs: account: /,
    )
    expect(toolCalls[0]).toMatchObject({ outcome: 'error' })
    expect(answersOf(set)).toEqual(['main', 'main'])
    expect((await set.claw.session(key).inspect()).agentId).toBe('main')
  })

  test('that the other agent takes is what its schema makes of it, for its system function and its tools', async () => {
    const told: unknown[] = []
    const look = defineTool({ name: 'look', description: 'looks', execute: (_, { context }) => void told.push(context) })
    const context = z.object({ account: z.number().transform((account) => account * 2) })
    const set = await up(agents({ context: context as never, tools: [look] }), {
      ...triage,
      billing: (request) =>
        request.messages.at(-1)?.role === 'tool' && request.messages.length > 3 ? { text: 'done' } : { calls: [{ id: 'l', name: 'look' }] },
    })
    seen.length = 0
    expect(
      (
        await set.claw
          .session(key)
          .send('my bill', { context: { account: 7 } })
          .result()
      ).text,
    ).toBe('done')
    expect(seen[0]).toEqual({ account: 14 })
    expect(told).toEqual([{ account: 14 }])
  })

  test('is checked by the agent that answers in later runs, also over a restart and a sleep', async () => {
    const set = await up(agents(), triage)
    await set.claw
      .session(key)
      .send('my bill', { context: { account: 7 } })
      .result()
    const refused = { code: 'invalid-message', message: expect.stringContaining('send: context: ') }
    await expect(set.claw.session(key).send('again', { context: { user: 'ada' } }).accepted).rejects.toMatchObject(refused)
    await set.clock.advance(120_000)
    await expect(set.claw.session(key).send('again').accepted).rejects.toMatchObject(refused)
    const claw = await set.restart()
    await expect(claw.session(key).send('again').accepted).rejects.toMatchObject(refused)
    seen.length = 0
    expect(
      (
        await claw
          .session(key)
          .send('again', { context: { account: 8 } })
          .result()
      ).text,
    ).toBe('billing here')
    expect(seen).toEqual([{ account: 8 }])
  })

  test('is not made twice by one schema that both agents have', async () => {
    const twice = z.object({ account: z.string().transform(Number) })
    const [main, billing] = agents({ context: twice as never })
    const set = await up([{ ...main, context: twice as never }, billing ?? {}], triage)
    seen.length = 0
    await set.claw
      .session(key)
      .send('my bill', { context: { account: '7' } })
      .result()
    expect(seen).toEqual([{ account: 7 }])
    await set.claw
      .session(key)
      .send('again', { context: { account: '8' } })
      .result()
    expect(seen).toEqual([{ account: 7 }, { account: 8 }])
  })

  test('is not made twice by the agent that answers, whatever way its message came into the run', async () => {
    const gate = Promise.withResolvers<void>()
    const wait = defineTool({ name: 'wait', description: 'waits', execute: () => gate.promise })
    const twice = z.object({ account: z.union([z.literal(1), z.string().transform(Number)]) })
    const set = await up(agents({ context: twice as never, tools: [wait] }), {
      ...triage,
      billing: ({ messages }) => (messages.at(-1)?.content === 'wait' ? { calls: [{ id: 'w', name: 'wait' }] } : { text: 'billing here' }),
    })
    await set.claw
      .session(key)
      .send('my bill', { context: { account: 1 } })
      .result()
    seen.length = 0
    const run = set.claw.session(key).send('wait', { context: { account: '7' } })
    await run.accepted
    await flushEventLoop()
    await set.claw.session(key).send('joins', { context: { account: '8' }, queueMode: 'steer' }).accepted
    gate.resolve()
    expect((await run.result()).text).toBe('billing here')
    expect(seen).toEqual([{ account: 7 }, { account: 8 }])
  })

  test('is checked where a message joins that was accepted before the hand-off', async () => {
    const gate = Promise.withResolvers<void>()
    const wait = defineTool({ name: 'wait', description: 'waits', execute: () => gate.promise })
    const twice = z.object({ account: z.string().transform(Number) })
    const set = await up(agents({ context: twice as never, tools: [wait, handoff('main')] }), {
      main: ({ messages }) =>
        messages.at(-1)?.content === 'my bill' ? { calls: [{ id: 'h', name: 'hand_off_to_billing' }] } : { text: 'main here' },
      billing: (request) => (lastTool(request).startsWith('The agent') ? { calls: [{ id: 'w', name: 'wait' }] } : { text: 'billing here' }),
    })
    const run = set.claw.session(key).send('my bill', { context: { account: '7' } })
    await run.accepted
    await flushEventLoop()
    // Its context is billing's, and that of the run's first message was main's.
    await set.claw.session(key).send('joins', { context: { account: '8' }, queueMode: 'steer' }).accepted
    gate.resolve()
    seen.length = 0
    expect((await run.result()).text).toBe('billing here')
    expect(seen).toEqual([{ account: 8 }])
  })

  test('fails a run whose message was accepted before the hand-off, without asking the other agent', async () => {
    const gate = Promise.withResolvers<void>()
    const wait = defineTool({ name: 'wait', description: 'waits', execute: () => gate.promise })
    const [main, billing] = agents()
    const set = await up([{ ...main, tools: [handoff('billing'), wait] }, billing ?? {}], {
      main: () => ({
        calls: [
          { id: 'h', name: 'hand_off_to_billing' },
          { id: 'w', name: 'wait' },
        ],
      }),
    })
    const first = set.claw.session(key).send('my bill', { context: { account: 7 } })
    await first.accepted
    await flushEventLoop()
    const waiting = set.claw.session(key).send('and this', { context: { user: 'ada' } })
    await waiting.accepted
    seen.length = 0
    gate.resolve()
    expect((await first.result()).text).toBe('billing here')
    await expect(waiting.result()).rejects.toMatchObject({
      code: 'invalid-message',
      message: expect.stringContaining('agent "billing" needs'),
    })
    expect(answersOf(set)).toEqual(['main', 'billing'])
    expect(seen).toEqual([{ account: 7 }])
    expect(
      (
        await set.claw
          .session(key)
          .send('again', { context: { account: 9 } })
          .result()
      ).text,
    ).toBe('billing here')
  })

  test('goes on with the schema with which it began, and the next message meets the changed one', async () => {
    let runs = 0
    const gate = Promise.withResolvers<void>()
    const look = defineTool({ name: 'look', description: 'looks', execute: () => (++runs === 1 ? gate.promise : 'seen') })
    const [main, billing] = agents({ tools: [look] })
    const set = await up([main ?? {}, billing ?? {}], {
      ...triage,
      billing: (request) => (lastTool(request) === 'seen' ? { text: 'paid' } : { calls: [{ id: 'l', name: 'look' }] }),
    })
    const run = set.claw.session(key).send('my bill', { idempotencyKey: 'one', context: { user: 'ada' } })
    await run.accepted
    while (runs === 0) await flushEventLoop()
    set.claw.updateAgents([
      { id: 'main', model: 'test/model' },
      { id: 'billing', model: 'test/model', context: account as never, tools: [look] },
    ])
    gate.resolve()
    expect((await run.result()).text).toBe('paid')
    await expect(set.claw.session(key).send('more', { context: { user: 'ada' } }).accepted).rejects.toMatchObject({
      code: 'invalid-message',
    })
  })

  test('is refused typed where the schema itself fails', async () => {
    const schema = { '~standard': { version: 1, vendor: 'x', validate: () => Promise.reject(new Error('no service')) } }
    const set = await up(agents({ context: schema as never }), triage)
    const { text } = await set.claw.session(key).send('my bill', { context: {} }).result()
    expect(text).toMatch(/not handed over. The context schema of agent "billing" failed: no service/)
  })
})

describe('the agent that has the conversation', () => {
  const agents = [{ id: 'main', tools: [handoff('billing')] }, { id: 'billing', tools: [handoff('main')] }, { id: 'ops' }]

  /** Four messages by main and billing, then two by billing. */
  async function handedOver(): Promise<Stage> {
    const set = await up(agents, { main: calls('hand_off_to_billing') })
    await set.claw.session(key).send('hello', { idempotencyKey: 'one' }).result()
    await set.claw.session(key).send('more', { idempotencyKey: 'two' }).result()
    return set
  }

  const nextOf = async (set: Stage, of = key): Promise<string | undefined> => {
    await set.claw.session(of).send('next').accepted
    await flushEventLoop()
    return set.model.requests.findLast(({ messages }) => messages.at(-1)?.content === 'next')?.agent
  }

  test('is told with the message that handed it over, and with no other', async () => {
    const set = await handedOver()
    const { messages } = await set.claw.session(key).history()
    expect(messages.map(({ message, handOff }) => [message.role, handOff])).toEqual([
      ['user', undefined],
      ['assistant', undefined],
      ['tool', 'billing'],
      ['assistant', undefined],
      ['user', undefined],
      ['assistant', undefined],
    ])
  })

  test('is not told again with the other calls of the run', async () => {
    const look = defineTool({ name: 'look', description: 'looks', execute: () => 'seen' })
    const set = await up(
      [
        { id: 'main', tools: [handoff('billing')] },
        { id: 'billing', tools: [look] },
      ],
      {
        main: calls('hand_off_to_billing'),
        billing: (request) => (lastTool(request) === 'seen' ? { text: 'done' } : { calls: [{ id: 'l', name: 'look' }] }),
      },
    )
    await set.claw.session(key).send('hello').result()
    const { messages } = await set.claw.session(key).history()
    expect(messages.map(({ handOff }) => handOff)).toEqual([undefined, undefined, 'billing', undefined, undefined, undefined])
  })

  test('goes with a fork, as it was at the point of the fork', async () => {
    const set = await handedOver()
    await set.claw.session(key).fork('agent:main:whole')
    await set.claw.session(key).fork('agent:main:before', { atMessage: 1 })
    await set.claw.session(key).fork('agent:main:right-behind', { atMessage: 3 })
    await set.claw.session(key).fork('agent:ops:whole')
    await set.claw.session(key).fork('agent:ops:before', { atMessage: 1 })
    await set.restart()
    expect(await nextOf(set, 'agent:main:whole')).toBe('billing')
    expect(await nextOf(set, 'agent:main:before')).toBe('main')
    expect(await nextOf(set, 'agent:main:right-behind')).toBe('billing')
    expect(await nextOf(set, 'agent:ops:whole')).toBe('billing')
    expect(await nextOf(set, 'agent:ops:before')).toBe('ops')
  })

  test('goes with an export into an import, as JSON', async () => {
    const set = await handedOver()
    const exported = JSON.parse(JSON.stringify(await set.claw.session(key).export()))
    const other = await up(agents, {})
    await other.claw.session('agent:main:copy').import(exported)
    expect((await other.claw.session('agent:main:copy').inspect()).agentId).toBe('billing')
    expect(await other.claw.session('agent:main:copy').export()).toMatchObject({ messages: exported.messages })
    expect(await nextOf(other, 'agent:main:copy')).toBe('billing')
    const entry = { message: { role: 'user', content: 'x' }, handOff: 'no such id!' }
    await expect(other.claw.session('agent:main:d').import({ version: 1, messages: [entry], settings: {} } as never)).rejects.toMatchObject(
      {
        code: 'invalid-message',
        message: expect.stringContaining('messages[0].handOff'),
      },
    )
  })

  test('is again the one before when the conversation is taken back to before the hand-off, also after a restart and a snapshot', async () => {
    const set = await handedOver()
    expect(await set.claw.session(key).rewind(4)).toBe(4)
    expect((await set.claw.session(key).inspect()).agentId).toBe('billing')
    await set.restart()
    for (let index = 0; index < 70; index++) await set.claw.session(key).send('more').result()
    await set.restart()
    expect((await set.claw.session(key).inspect()).agentId).toBe('billing')
    expect(await set.claw.session(key).rewind(1)).toBe(1)
    expect((await set.claw.session(key).inspect()).agentId).toBe('main')
    await set.restart()
    expect(await nextOf(set)).toBe('main')
  })

  test('is the one of several hand-offs that the last one left names', async () => {
    const back = (request: ProviderRequest): ModelTurn =>
      request.messages.at(-1)?.content === 'back' ? { calls: [{ id: 'b', name: 'hand_off_to_main' }] } : { text: 'b' }
    const set = await up(agents, {
      main: (request) =>
        request.messages.at(-1)?.content === 'hello' ? { calls: [{ id: 'h', name: 'hand_off_to_billing' }] } : { text: 'main' },
      billing: back,
    })
    await set.claw.session(key).send('hello').result()
    await set.claw.session(key).send('back').result()
    expect((await set.claw.session(key).inspect()).agentId).toBe('main')
    await set.claw.session(key).rewind(4)
    expect((await set.claw.session(key).inspect()).agentId).toBe('billing')
    await set.claw.session(key).rewind(0)
    expect((await set.claw.session(key).inspect()).agentId).toBe('main')
  })

  test('stays when a summary takes the place of the hand-off', async () => {
    const long = 'word '.repeat(2_000)
    const set = await up(
      [
        { id: 'main', tools: [handoff('billing')] },
        { id: 'billing', compactAboveTokens: 4_000 },
      ],
      {
        main: calls('hand_off_to_billing'),
        billing: ({ system }) => ({ text: system?.includes('ummar') === true ? 'in short' : long }),
      },
    )
    for (let index = 0; index < 4; index++) await set.claw.session(key).send('hello').result()
    const { messages } = await set.claw.session(key).history()
    expect(set.model.requests.at(-1)?.messages[0]).toMatchObject({ content: expect.stringContaining('in short') })
    expect(messages.map(({ handOff }) => handOff).slice(0, 4)).toEqual([undefined, undefined, 'billing', undefined])
    await set.claw.session(key).fork('agent:main:copy')
    expect((await set.claw.session('agent:main:copy').inspect()).agentId).toBe('billing')
  })

  test('is told of a session that is asleep', async () => {
    const set = await handedOver()
    await set.clock.advance(120_000)
    expect(await set.claw.session(key).inspect()).toMatchObject({ isAwake: false, agentId: 'billing' })
  })

  test('is named by each event as the one that answered then', async () => {
    const set = await up(agents, { main: calls('hand_off_to_billing') })
    const told: string[] = []
    set.claw.on('*', ({ type, agentId }) => void told.push(`${type} ${agentId}`))
    await set.claw.session(key).send('hello').result()
    await flushEventLoop()
    const heard = told.filter((one) => !one.startsWith('text-delta'))
    expect(heard).toEqual([
      'message-accepted main',
      'run-start main',
      'model-request main',
      'message main',
      'tool-call main',
      'tool-result main',
      'model-request billing',
      'message billing',
      'run-end billing',
    ])
  })
})
