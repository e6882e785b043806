import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { expect, onTestFinished, test } from 'vitest'
import type { AgentOptions } from '../../agent/agent.ts'
import { BeamClawError } from '../../base/errors.ts'
import { FunctionModel, type ModelTurn, type Stage, stage } from '../../testing/model.ts'
import { TroubledStore } from '../../testing/troubled-store.ts'
import { defineTool } from '../../tool/tool.ts'

const key = 'agent:main:main'

interface Held {
  readonly set: Stage
  readonly model: FunctionModel
  readonly store: TroubledStore
  /** Types of the events that were published. */
  readonly told: string[]
  readonly started: string[]
  /** Lets the held writes go on, or fails them. */
  readonly open: { resolve(): void; reject(error: unknown): void }
}

/** A session whose writes with a record of `type` are held until they are let go. */
async function holding(type: string, answer: (index: number) => ModelTurn, agent: Partial<AgentOptions> = {}): Promise<Held> {
  const store = new TroubledStore()
  const open = Promise.withResolvers<void>()
  open.promise.catch(() => {})
  store.before = async (records) => {
    if (records.some((record) => record.type === type)) await open.promise
  }
  const started: string[] = []
  const tool = defineTool({
    name: 'look',
    description: 'looks',
    inputSchema: { type: 'object' },
    execute: () => {
      started.push('look')
      return 'seen'
    },
  })
  const model = new FunctionModel((_, index) => answer(index))
  const set = await stage(model, { tools: [tool], ...agent }, { store })
  onTestFinished(() => void set.claw.kill())
  const told: string[] = []
  set.claw.on('*', ({ type: event }) => told.push(event))
  return { set, model, store, told, started, open }
}

test('a model is asked while the record of the request is written, and nothing is seen of its answer before', async () => {
  const { set, model, told, open } = await holding('model-request', () => ({ text: 'one two three' }))
  const run = set.claw.session(key).send('hi')
  await flushEventLoop()
  expect(model.requests).toHaveLength(1)
  expect(told).toEqual([])
  open.resolve()
  expect((await run.result()).text).toBe('one two three')
  expect(told.filter((type) => type === 'text-delta')).toHaveLength(3)
  expect(told.indexOf('model-request')).toBeLessThan(told.indexOf('text-delta'))
})

test('no tool starts before the record of its call is durable', async () => {
  const { set, started, open } = await holding('tool-intent', (index) =>
    index === 0 ? { calls: [{ id: 'a', name: 'look' }] } : { text: 'done' },
  )
  const run = set.claw.session(key).send('hi')
  await flushEventLoop()
  expect(started).toEqual([])
  open.resolve()
  await run.result()
  expect(started).toEqual(['look'])
})

test('a request whose record cannot be written was never made: its answer is dropped, and the message refused', async () => {
  const { set, model, told, open, store } = await holding('model-request', (index) => ({ text: index === 0 ? 'never to be seen' : 'fine' }))
  const refused = set.claw
    .session(key)
    .send('hi')
    .accepted.catch((error: unknown) => error)
  await flushEventLoop()
  expect(model.requests).toHaveLength(1)
  store.before = async () => {}
  open.reject(new BeamClawError('store-full', 'no room'))
  expect(await refused).toMatchObject({ code: 'store-full' })
  await flushEventLoop()
  expect(told).toEqual([])
  await set.clock.advance(60_000)
  expect((await set.claw.session(key).send('once more').result()).text).toBe('fine')
  expect(model.requests).toHaveLength(2)
})

test('a model is asked while its session is listed as busy, and nothing is seen of its answer before', async () => {
  const store = new TroubledStore('activity')
  const open = gate()
  store.before = () => open.promise
  const model = new FunctionModel(() => ({ text: 'fine' }))
  const { claw } = await stage(model, {}, { store })
  onTestFinished(() => void claw.kill())
  const told: string[] = []
  claw.on('*', ({ type }) => told.push(type))
  const run = claw.session(key).send('hi')
  await flushEventLoop()
  expect(model.requests).toHaveLength(1)
  expect(told).not.toContain('text-delta')
  open.resolve()
  expect((await run.result()).text).toBe('fine')
})

test('a call that fails before its record is durable is a failure of the model, once it is', async () => {
  const { set, told, open } = await holding('model-request', () => ({ fails: new BeamClawError('provider-auth', 'who are you?') }))
  const run = set.claw.session(key).send('hi')
  await flushEventLoop()
  expect(told).toEqual([])
  open.resolve()
  await expect(run.result()).rejects.toMatchObject({ code: 'provider-auth' })
})

test.each<[string, Partial<AgentOptions>]>([
  ['a system function', { system: () => 'Be brief.' }],
  ['a hook that sees the request', { hooks: { beforeModel: () => undefined } }],
])('%s is not called before the record is durable', async (_, agent) => {
  const { set, model, open } = await holding('model-request', () => ({ text: 'fine' }), agent)
  const run = set.claw.session(key).send('hi')
  await flushEventLoop()
  expect(model.requests).toHaveLength(0)
  open.resolve()
  expect((await run.result()).text).toBe('fine')
})

test('another attempt waits until its number is durable, for the process may die of it', async () => {
  const store = new TroubledStore()
  const held = gate()
  const reached = gate()
  store.before = async (records) => {
    if (!records.some(({ type, data }) => type === 'model-request' && data.attempt === 2)) return
    reached.resolve()
    await held.promise
  }
  const model = new FunctionModel((_, index) =>
    index === 0 ? { fails: new BeamClawError('provider-overloaded', 'later') } : { text: 'fine' },
  )
  const { claw, clock } = await stage(model, {}, { store })
  onTestFinished(() => void claw.kill())
  const run = claw.session(key).send('hi')
  await run.accepted
  await flushEventLoop()
  clock.advance(60_000)
  await reached.promise
  await flushEventLoop()
  expect(model.requests).toHaveLength(1)
  held.resolve()
  expect((await run.result()).text).toBe('fine')
})

test('after a crash the model is not asked before the attempt is on record', async () => {
  const store = new TroubledStore()
  const never = gate()
  let isHeld = false
  const held = gate()
  store.before = async (records) => {
    if (isHeld && records.some(({ type }) => type === 'model-request')) await held.promise
  }
  const model = new FunctionModel(async (_, index) => {
    if (index === 0) await never.promise
    return { text: 'fine' }
  })
  const set = await stage(model, {}, { store })
  onTestFinished(() => void set.claw.kill())
  await set.claw.session(key).send('hi', { idempotencyKey: 'one' }).accepted
  await flushEventLoop()
  isHeld = true
  await set.restart()
  await flushEventLoop()
  expect(model.requests).toHaveLength(1)
  held.resolve()
  expect((await set.claw.session(key).follow('one').result()).text).toBe('fine')
})
