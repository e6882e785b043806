import { gate } from '@beamclaw/actor/testing'
import { expect, onTestFinished, test } from 'vitest'
import type { AgentOptions } from '../agent/agent.ts'
import { BeamClawError } from '../base/errors.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'
const data = { plan: 'free', tags: ['a'] }

async function up(model = new FunctionModel(() => ({ text: 'fine' })), agent: Partial<AgentOptions> = {}): Promise<Stage> {
  const set = await stage(model, agent)
  onTestFinished(() => void set.claw.kill())
  return set
}

/** Changes all of a value, as far as it can be changed. */
function damage(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const inner of Object.values(value)) damage(inner)
  for (const name of Object.keys(value)) Reflect.set(value, name, Symbol('damaged'))
  Reflect.set(value, 'added', () => {})
  if (Array.isArray(value)) Reflect.set(value, 'length', 0)
}

test('settings that user code changes stay as they were configured, also after a restart', async () => {
  const set = await up(new FunctionModel(() => ({ text: 'fine' })), {
    system: ({ session }) => {
      damage(session)
      return 'Be brief.'
    },
  })
  const session = set.claw.session(key)
  damage(await session.configure({ label: 'one', data, skills: ['cook'] }))
  await session.send('hi').result()
  damage((await session.export()).settings)
  for (const { settings } of await set.claw.sessions()) damage(settings)
  const expected = { label: 'one', data, skills: ['cook'], title: 'two' }
  damage(await session.configure({ title: 'two' }))
  expect((await session.export()).settings).toEqual(expected)
  const again = (await set.restart()).session(key)
  expect((await again.export()).settings).toEqual(expected)
  damage((await again.export()).settings)
  expect(await again.configure({})).toEqual(expected)
})

test('what was passed to configure may change afterwards', async () => {
  const { claw } = await up()
  const own = { plan: 'free' }
  await claw.session(key).configure({ data: own })
  own.plan = 'paid'
  expect((await claw.session(key).export()).settings).toEqual({ data: { plan: 'free' } })
})

test('what a session says of its runs cannot be changed through it: events, history, receipts', async () => {
  const open = gate()
  const failing = new FunctionModel(async (_, index) => {
    if (index > 0) await open.promise
    return index === 0 ? { fails: new BeamClawError('provider-bad-request', 'no') } : { text: 'fine' }
  })
  const set = await up(failing)
  set.claw.on('*', (event) => damage(event))
  const session = set.claw.session(key)
  await expect(session.send('fail', { idempotencyKey: 'one' }).result()).rejects.toThrow()
  const { accepted } = session.send('go', { idempotencyKey: 'two' })
  damage((await accepted).ended)
  await session.send('then', { idempotencyKey: 'three' }).accepted
  damage((await session.history()).runs)
  damage((await session.history()).messages)
  damage((await session.send('fail', { idempotencyKey: 'one' }).accepted).ended)
  damage(await session.deadLetters())
  open.resolve()
  await session.follow('three').result()
  const { messages } = await session.history()
  expect(messages.map(({ message }) => (message.role === 'user' ? message.content : ''))).toEqual(['fail', 'go', '', 'then', ''])
  await expect(session.follow('one').result()).rejects.toMatchObject({ code: 'provider-bad-request' })
  const { messages: read } = await (await set.restart()).session(key).history()
  expect(read).toEqual(messages)
})

test('an agent that is handed out cannot be changed: its tools, its choice of tools, its model', async () => {
  const look = defineTool({ name: 'look', description: 'looks', execute: () => 'seen' })
  const toolChoice = { name: 'look' }
  const model = new FunctionModel(({ messages }) => (messages.length === 1 ? { calls: [{ id: 'a', name: 'look' }] } : { text: 'fine' }))
  const { claw } = await up(model, { tools: [look], toolChoice })
  const agent = claw.agents[0] ?? expect.unreachable()
  const tools = agent.tools as Map<string, unknown>
  expect(() => tools.clear()).toThrow(TypeError)
  expect(() => tools.set('x', look)).toThrow(TypeError)
  expect(() => tools.delete('look')).toThrow(TypeError)
  damage(agent.toolChoice)
  damage(claw.agents)
  expect(Reflect.set(agent, 'model', 'test/other')).toBe(false)
  // The options of the agent may change, and the agent does not.
  toolChoice.name = 'other'
  expect((await claw.session(key).send('go').result()).text).toBe('fine')
  expect(model.requests.map(({ model: name, tools }) => [name, tools?.map((tool) => tool.name)])).toEqual([
    ['model', ['look']],
    ['model', ['look']],
  ])
  expect(model.requests[0]?.toolChoice).toEqual({ name: 'look' })
})
