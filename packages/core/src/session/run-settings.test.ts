import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { defineAgent } from '../agent/agent.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'
const echo = (): FunctionModel => new FunctionModel(({ messages }) => ({ text: `heard ${String(messages.at(-1)?.content)}` }))

const lookup = defineTool({ name: 'lookup', description: 'Looks up.', execute: () => 'found' })
const erase = defineTool({ name: 'erase', description: 'Erases.', execute: () => 'gone' })

describe('what a message asks of its run', () => {
  test('reaches the model, in the place of what the agent says, for this run alone', async () => {
    const { claw, model } = await stage(echo(), { tools: [lookup, erase], temperature: 1, maxOutputTokens: 500 })
    const session = claw.session(key)
    const asked = { temperature: 0, maxOutputTokens: 99, toolChoice: 'required', thinking: 'high', tools: ['lookup'] } as const
    await session.send('one', { ...asked, model: 'test/other' }).result()
    await session.send('two').result()
    expect(model.requests[0]).toMatchObject({
      model: 'other',
      temperature: 0,
      maxOutputTokens: 99,
      toolChoice: 'required',
      thinking: 'high',
    })
    expect(model.requests[0]?.tools?.map(({ name }) => name)).toEqual(['lookup'])
    expect(model.requests[1]).toMatchObject({ model: 'model', temperature: 1, maxOutputTokens: 500 })
    expect(model.requests[1]?.tools).toHaveLength(2)
    await claw.stop()
  })

  test('forces a tool in the first turn only: forced again with each turn, a run would not end', async () => {
    const model = new FunctionModel((_, index) => (index === 0 ? { calls: [{ id: 'a', name: 'lookup' }] } : { text: 'done' }))
    const { claw } = await stage(model, { tools: [lookup] })
    await claw.session(key).send('go', { toolChoice: 'required' }).result()
    expect(model.requests.map(({ toolChoice }) => toolChoice)).toEqual(['required', undefined])
    await claw.stop()
  })

  test('keeps a tool from running that the run may not use, though the model calls it', async () => {
    const model = new FunctionModel((_, index) => (index === 0 ? { calls: [{ id: 'a', name: 'erase' }] } : { text: 'done' }))
    const { claw } = await stage(model, { tools: [lookup, erase] })
    await claw
      .session(key)
      .send('go', { tools: ['lookup'] })
      .result()
    expect(JSON.stringify(model.requests[1]?.messages)).toContain('There is no tool')
    await claw.stop()
  })

  test('is durable with the message: a run that goes on after a crash has it', async () => {
    let isHeld = true
    const contexts: unknown[] = []
    const whose = defineTool({
      name: 'whose',
      description: 'Tells the user.',
      idempotent: true,
      execute: (_, { context }) => void contexts.push(context),
    })
    const model = new FunctionModel(({ messages }) => {
      if (isHeld) return new Promise(() => {})
      return messages.at(-1)?.role === 'tool' ? { text: 'done' } : { calls: [{ id: 'a', name: 'whose' }] }
    })
    const set = await stage(model, { tools: [whose], system: ({ context }) => `for ${JSON.stringify(context)}` })
    await set.claw.session(key).send('go', { idempotencyKey: 'one', context: { userId: 7 }, temperature: 0.5 }).accepted
    await flushEventLoop()
    isHeld = false
    const claw = await set.restart()
    await claw.session(key).follow('one').result()
    expect(contexts).toEqual([{ userId: 7 }])
    expect(model.requests.at(-1)).toMatchObject({ temperature: 0.5, system: 'for {"userId":7}' })
    await claw.stop()
  })

  test.each([
    { temperature: 3 },
    { maxOutputTokens: 0 },
    { toolChoice: 'always' },
    { tools: 'lookup' },
    { model: 'no-provider' },
    { model: 'unknown/model' },
    { thinking: 'very' },
    { signal: {} },
  ])('is checked: %j', async (options) => {
    const { claw } = await stage(echo())
    await expect(claw.session(key).send('hello', options as object).accepted).rejects.toMatchObject({ code: 'invalid-option' })
    await claw.stop()
  })

  test('has a context of JSON only', async () => {
    const { claw } = await stage(echo())
    const context = { when: new Date(0), call: () => {} } as never
    await expect(claw.session(key).send('hello', { context }).accepted).rejects.toMatchObject({ code: 'invalid-message' })
    await claw.stop()
  })
})

describe('the signal of a message', () => {
  test('aborts its run', async () => {
    const { claw } = await stage(new FunctionModel(() => new Promise(() => {})))
    const abort = new AbortController()
    const run = claw.session(key).send('hello', { signal: abort.signal })
    await run.accepted
    abort.abort()
    await expect(run.result()).rejects.toMatchObject({ code: 'run-aborted' })
    await claw.stop()
  })

  test('is listened to no longer than the run lasts', async () => {
    const { claw } = await stage(echo())
    const abort = new AbortController()
    const { signal } = abort
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }
    const run = claw.session(key).send('hello', { signal })
    await run.accepted
    expect(listeners).toBe(1)
    await run.result()
    await flushEventLoop()
    expect(listeners).toBe(0)
    await claw.stop()
  })

  test('that is aborted before sends nothing', async () => {
    const { claw, model } = await stage(echo())
    await expect(claw.session(key).send('hello', { signal: AbortSignal.abort() }).accepted).rejects.toMatchObject({ code: 'call-aborted' })
    expect(await claw.sessions()).toEqual([])
    expect(model.requests).toEqual([])
    await claw.stop()
  })
})

test('an answer that is asked for once more is asked for with the settings and the context of its message', async () => {
  const model = new FunctionModel((_, index) => ({ text: index === 0 ? 'no JSON' : '{"a":1}' }))
  const agent = defineAgent({ id: 'main', model: 'test/model', context: z.object({ user: z.string() }) })
  const { claw } = await stage(model, {}, { agents: [agent] })
  const asked = { output: z.object({ a: z.number() }), context: { user: 'Ada' }, temperature: 0.5, model: 'test/other' }
  expect((await claw.session(key).send('go', asked).result()).output).toEqual({ a: 1 })
  expect(model.requests.map(({ temperature, model: name }) => [temperature, name])).toEqual([
    [0.5, 'other'],
    [0.5, 'other'],
  ])
  await claw.stop()
})

describe('a typed context', () => {
  const schema = z.object({ userId: z.number() })

  test('reaches the system function and the tools with its type, and is checked when the message is sent', async () => {
    const tool = defineTool({
      name: 'who',
      description: 'Tells the user.',
      context: schema,
      execute(_, { context }) {
        expectTypeOf(context).toEqualTypeOf<{ userId: number }>()
        return `user ${context.userId}`
      },
    })
    const agent = defineAgent({
      id: 'main',
      model: 'test/model',
      context: schema,
      tools: [tool],
      system({ context, session }) {
        expectTypeOf(context).toEqualTypeOf<{ userId: number }>()
        return `You help user ${context.userId} in ${session.key}.`
      },
    })
    const model = new FunctionModel((_, index) => (index === 0 ? { calls: [{ id: 'a', name: 'who' }] } : { text: 'done' }))
    const { claw } = await stage(model, {}, { agents: [agent] })
    await claw
      .session(key)
      .send('go', { context: { userId: 7 } })
      .result()
    expect(model.requests[0]?.system).toBe('You help user 7 in agent:main:main.')
    expect(model.requests[1]?.messages.at(-1)?.content).toMatchObject([{ content: 'user 7', isError: false }])
    await expect(claw.session(key).send('go', { context: { userId: 'seven' } }).accepted).rejects.toMatchObject({ code: 'invalid-message' })
    await expect(claw.session('agent:main:new').send('go').accepted).rejects.toMatchObject({ code: 'invalid-message' })
    expect((await claw.sessions()).map(({ sessionKey }) => sessionKey)).toEqual([key])
    await claw.stop()
  })
})

test('progress of a tool is told while it runs, as a copy, and not kept', async () => {
  const slow = defineTool({
    name: 'slow',
    description: 'Takes its time.',
    execute(_, { progress }) {
      const state = { percent: 50 }
      progress(state)
      state.percent = 99
      expect(() => progress((() => {}) as never)).toThrow()
      expect(() => progress('x'.repeat(100_000))).toThrow()
      return 'done'
    },
  })
  const model = new FunctionModel((_, index) => (index === 0 ? { calls: [{ id: 'a', name: 'slow' }] } : { text: 'done' }))
  const { claw } = await stage(model, { tools: [slow] })
  const run = claw.session(key).send('go')
  const told: unknown[] = []
  for await (const event of run) if (event.type === 'tool-progress') told.push([event.name, event.toolCallId, event.data])
  expect(told).toEqual([['slow', 'a', { percent: 50 }]])
  await claw.stop()
})
