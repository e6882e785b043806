import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { AgentOptions } from '../agent/agent.ts'
import type { BeamClawOptions } from '../beamclaw-options.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { killPart } from '../testing/parts.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:old:main'
const main: AgentOptions = { id: 'main', model: 'test/model' }
const old: AgentOptions = { id: 'old', model: 'test/model' }

async function up(
  model: FunctionModel,
  agents: readonly AgentOptions[] = [main, old],
  options: Partial<BeamClawOptions> = {},
): Promise<Stage> {
  const set = await stage(model, {}, { agents, ...options })
  onTestFinished(() => void set.claw.kill())
  return set
}

/** Starts again over the same store, with other agents. */
async function upAgain({ store, model }: Stage, agents: readonly AgentOptions[], options: Partial<BeamClawOptions> = {}): Promise<Stage> {
  const set = await stage(model, {}, { agents, store, ...options })
  onTestFinished(() => void set.claw.kill())
  return set
}

const echo = (): FunctionModel => new FunctionModel(() => ({ text: 'fine' }))

describe('a session whose agent was removed', () => {
  const removals: [string, (set: Stage) => Promise<Stage>][] = [
    [
      'by updateAgents',
      async (set) => {
        set.claw.updateAgents([main])
        return set
      },
    ],
    [
      'by updateAgents, while it sleeps',
      async (set) => {
        await set.clock.advance(120_000)
        set.claw.updateAgents([main])
        return set
      },
    ],
    [
      'before a restart',
      async (set) => {
        set.claw.kill()
        return upAgain(set, [main])
      },
    ],
  ]

  test.each(removals)('can be read, listed, exported, forked and deleted: %s', async (_, remove) => {
    const before = await up(echo())
    await before.claw.session(key).send('hello', { idempotencyKey: 'one' }).result()
    const { claw } = await remove(before)
    const session = claw.session(key)
    expect(await session.exists()).toBe(true)
    expect((await session.history()).total).toBe(2)
    expect(await session.inspect()).toMatchObject({ agentId: 'old', sessionKey: key })
    expect((await session.export()).messages).toHaveLength(2)
    expect((await session.follow('one').result()).text).toBe('fine')
    expect(await session.abort()).toMatchObject({ wasAborted: false })
    expect(await session.deadLetters()).toEqual([])
    expect((await claw.sessions({ agentId: 'old' })).map(({ sessionKey }) => sessionKey)).toEqual([key])
    for await (const { type } of session.subscribe()) if (type === 'run-end') break
    const branch = await session.fork('agent:main:branch')
    expect((await branch.send('go on').result()).text).toBe('fine')
    expect(await session.rewind(0)).toBe(0)
    await session.delete()
    expect(await session.exists()).toBe(false)
    await session.delete()
  })

  test.each(removals)('refuses messages, with the agents that there are: %s', async (_, remove) => {
    const before = await up(echo())
    await before.claw.session(key).send('hello').result()
    const { claw } = await remove(before)
    const refused = { code: 'unknown-agent', message: expect.stringContaining('"old"') }
    await expect(claw.session(key).send('more').accepted).rejects.toMatchObject(refused)
    await expect(claw.session(key).redrive('hello').accepted).rejects.toMatchObject(refused)
    await expect(claw.session('agent:old:new').send('more').accepted).rejects.toMatchObject(refused)
    await expect(claw.session('agent:old:new').import([])).rejects.toMatchObject(refused)
    await expect(claw.session('agent:old:new').configure({ label: 'x' })).rejects.toMatchObject(refused)
    await expect(claw.session('agent:old:new').history()).rejects.toMatchObject(refused)
    expect(await claw.session('agent:old:new').exists()).toBe(false)
    expect((await claw.session(key).history()).total).toBe(2)
  })

  test('takes messages again when the agent is back', async () => {
    const { claw } = await up(echo())
    await claw.session(key).send('hello').result()
    claw.updateAgents([main])
    await expect(claw.session(key).send('more').accepted).rejects.toMatchObject({ code: 'unknown-agent' })
    claw.updateAgents([main, old])
    expect((await claw.session(key).send('more').result()).text).toBe('fine')
  })
})

describe('a run of an agent that was removed', () => {
  const gated = (): { readonly model: FunctionModel; readonly open: () => void } => {
    const gate = Promise.withResolvers<void>()
    const model = new FunctionModel(async () => {
      await gate.promise
      return { text: 'fine' }
    })
    return { model, open: gate.resolve }
  }

  test('is finished with the last definition in the same process; it can be followed, and a drain waits for it', async () => {
    const { model, open } = gated()
    const { claw } = await up(model)
    const run = claw.session(key).send('hello')
    await run.accepted
    await flushEventLoop()
    claw.updateAgents([main])
    const drained = claw.drain()
    open()
    expect((await run.result()).text).toBe('fine')
    await drained
    await claw.stop()
  })

  test('can be aborted', async () => {
    const { claw } = await up(new FunctionModel(() => new Promise(() => {})))
    const run = claw.session(key).send('hello')
    await run.accepted
    await flushEventLoop()
    claw.updateAgents([main])
    expect(await claw.session(key).abort()).toMatchObject({ wasAborted: true })
    await expect(run.result()).rejects.toMatchObject({ code: 'run-aborted' })
    await claw.drain()
  })

  test('waits in the next process, whose drain does not wait for it, and goes on once the agent is configured again', async () => {
    const { model, open } = gated()
    const before = await up(model)
    await before.claw.session(key).send('hello', { idempotencyKey: 'one' }).accepted
    await before.claw.session(key).send('and more', { idempotencyKey: 'two' }).accepted
    await flushEventLoop()
    before.claw.kill()
    const { claw } = await upAgain(before, [main])
    expect(await claw.resumed).toBe(0)
    await claw.drain()
    expect((await claw.session(key).history()).runs.map(({ runId }) => runId)).toEqual(['one', 'two'])
    claw.kill()
    const again = await upAgain(before, [main])
    expect(await again.claw.resumed).toBe(0)
    open()
    again.claw.updateAgents([main, old])
    expect((await again.claw.session(key).follow('one').result()).text).toBe('fine')
    expect((await again.claw.session(key).follow('two').result()).text).toBe('fine')
    await again.claw.drain()
  })

  test('goes on in the process after that when the agent is configured there', async () => {
    const { model, open } = gated()
    const before = await up(model)
    await before.claw.session(key).send('hello', { idempotencyKey: 'one' }).accepted
    before.claw.kill()
    const between = await upAgain(before, [main])
    await between.claw.resumed
    between.claw.kill()
    const { claw } = await upAgain(before, [main, old])
    expect(await claw.resumed).toBe(1)
    open()
    expect((await claw.session(key).follow('one').result()).text).toBe('fine')
  })

  test('can be aborted in the next process, and the session deleted', async () => {
    const { model } = gated()
    const before = await up(model)
    await before.claw.session(key).send('hello', { idempotencyKey: 'one' }).accepted
    await before.claw.session(key).send('and more', { idempotencyKey: 'two' }).accepted
    await flushEventLoop()
    before.claw.kill()
    const { claw } = await upAgain(before, [main])
    await claw.resumed
    await expect(claw.session(key).delete()).rejects.toMatchObject({ code: 'session-busy' })
    for (const runId of ['one', 'two']) {
      expect(await claw.session(key).abort(runId)).toMatchObject({ wasAborted: true })
      await expect(claw.session(key).follow(runId).result()).rejects.toMatchObject({ code: 'run-aborted' })
    }
    await claw.session(key).delete()
    await claw.drain()
    claw.updateAgents([main, old])
    expect(await claw.session(key).exists()).toBe(false)
  })

  test('leaves no tool call open when it is aborted, and asks no model', async () => {
    const wait = defineTool({ name: 'wait', description: 'waits', execute: () => new Promise<string>(() => {}) })
    const model = new FunctionModel(() => ({ calls: [{ id: 'a', name: 'wait' }] }))
    const before = await up(model, [main, { ...old, tools: [wait] }])
    await before.claw.session(key).send('hello', { idempotencyKey: 'one' }).accepted
    await before.claw.session(key).configure({ model: 'test/other', thinking: 'low' })
    await flushEventLoop()
    before.claw.kill()
    const { claw } = await upAgain(before, [main])
    await claw.session(key).abort('one')
    await expect(claw.session(key).follow('one').result()).rejects.toMatchObject({ code: 'run-aborted' })
    const { messages } = await claw.session(key).history()
    expect(messages.map(({ message }) => message.role)).toEqual(['user', 'assistant', 'tool'])
    expect(messages.at(-1)?.message.content).toMatchObject([{ content: expect.stringContaining('Outcome unknown') }])
    expect(model.requests).toHaveLength(1)
  })

  test('goes on by the agent that it was handed to, while that is configured', async () => {
    const hand = defineTool({
      name: 'hand',
      description: 'hands over',
      execute: (_, { handOff }) => {
        handOff('main')
      },
    })
    const gate = Promise.withResolvers<void>()
    const model = new FunctionModel(async ({ agent }) => {
      if (agent === 'old') return { calls: [{ id: 'h', name: 'hand' }] }
      await gate.promise
      return { text: `${agent} here` }
    })
    const before = await up(model, [main, { ...old, tools: [hand] }])
    await before.claw.session(key).send('hello', { idempotencyKey: 'one' }).accepted
    while (model.requests.length < 2) await flushEventLoop()
    before.claw.kill()
    const { claw } = await upAgain(before, [main])
    gate.resolve()
    expect((await claw.session(key).follow('one').result()).text).toBe('main here')
  })

  test('is finished with the last definition when its session is restarted in the same process', async () => {
    const model = new FunctionModel((_, index) => (index === 0 ? new Promise(() => {}) : { text: 'fine' }))
    const { claw } = await up(model, [main, { ...old, system: 'the last' }])
    const run = claw.session(key).send('hello', { idempotencyKey: 'one' })
    await run.accepted
    await flushEventLoop()
    claw.updateAgents([main])
    killPart(claw, 'tools')
    while (model.requests.length < 2) await flushEventLoop()
    expect((await claw.session(key).follow('one').result()).text).toBe('fine')
    expect(model.requests[1]).toMatchObject({ agent: 'old', system: 'the last' })
    await claw.drain()
    await claw.stop()
  })
})
