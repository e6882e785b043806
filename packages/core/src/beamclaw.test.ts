import { describe, expect, test } from 'vitest'
import { defineAgent } from './agent/agent.ts'
import { BeamClawError } from './base/errors.ts'
import { defaultTenant } from './base/ids.ts'
import { BeamClaw } from './beamclaw.ts'
import type { BeamClawOptions } from './beamclaw-options.ts'
import { FunctionModel, stage } from './testing/model.ts'
import { TroubledStore } from './testing/troubled-store.ts'
import { defineTool } from './tool/tool.ts'

const model = new FunctionModel(({ model: name }) => ({ text: `I am ${name}` }))
const wave = defineTool({ name: 'wave', description: 'waves', execute: () => 'hello' })

const make = (options: object): BeamClaw =>
  new BeamClaw({ providers: { anthropic: model, test: model }, agents: [], ...options } as BeamClawOptions)

describe('a BeamClaw that could not answer is not made', () => {
  test.each([
    [
      'an agent of a provider that is not there',
      { agents: [{ id: 'ops', model: 'nobody/x' }] },
      /agents\[0\]\.model of agent "ops".*"nobody\/x"; known providers are anthropic, test$/,
    ],
    [
      'a provider that is misspelt',
      { agents: [{ id: 'a', model: 'test/x' }, defineAgent({ id: 'b', model: 'antropic/x' })] },
      /agents\[1\]\.model of agent "b".*did you mean "anthropic\/…"\?$/,
    ],
    ['no providers at all', { providers: {}, agents: [{ id: 'a', model: 'test/x' }] }, /agents\[0\]\.model.*there are no providers$/],
    [
      'a model without a provider',
      { agents: [{ id: 'a', model: 'gpt' }] },
      /agents\[0\]\.model must be of the form <provider>\/<model>, received "gpt"; known providers are anthropic, test$/,
    ],
    [
      'an agent with an option that nothing reads',
      { agents: [{ id: 'a', model: 'test/x', sytem: 'Hi' }] },
      /agents\[0\] \("a"\): unknown option "sytem"; did you mean "system"\?/,
    ],
    ['an agent without an id', { agents: [{ model: 'test/x' }] }, /agents\[0\]: option "id"/],
    ['no agent', { agents: [undefined] }, /agents\[0\]: option "options" must be an object/],
    [
      'a tool that nothing made',
      { agents: [{ id: 'a', model: 'test/x', tools: [wave, { name: 'wave' }] }] },
      /agents\[0\] \("a"\): option "tools\[1\]" must be a tool made by defineTool\(\)/,
    ],
    [
      'two tools of one name',
      { agents: [{ id: 'a', model: 'test/x', tools: [wave, wave] }] },
      /two tools of agent "a" have the same name, "wave"/,
    ],
    [
      'two agents of one id',
      {
        agents: [
          { id: 'a', model: 'test/x' },
          { id: 'A', model: 'test/x' },
        ],
      },
      /agents\[1\]: there is another agent "a"/,
    ],
    ['a provider whose id has a slash', { providers: { 'a/b': model } }, /the id "a\/b" must have 1 to 64 characters without "\/"/],
    ['a provider without an id', { providers: { '': model } }, /the id ""/],
    [
      'a provider that cannot be asked',
      { providers: { test: { url: 'x' } } },
      /option "providers\.test" must be a provider, with a method doStream\(\)/,
    ],
    [
      'an option that another library has',
      { agents: [{ id: 'a', model: 'test/x', instructions: 'Hi' }] },
      /agents\[0\] \("a"\): unknown option "instructions"; did you mean "system"\?/,
    ],
    ['turns as another library names them', { agents: [{ id: 'a', model: 'test/x', maxSteps: 5 }] }, /did you mean "maxTurns"\?/],
    ['a model that is missing', { agents: [{ id: 'a' }] }, /agents\[0\] \("a"\): option "model" is required: of the form/],
    ['another way to resume', { resume: 'later' }, /option "resume" must be one of "now", "on-demand"/],
  ])('%s', (_what, options, message) => {
    expect(() => make(options)).toThrow(expect.objectContaining({ code: 'invalid-option', message: expect.stringMatching(message) }))
  })

  test('also an id, with its path', () => {
    const agents = [
      { id: 'a', model: 'test/x' },
      { id: 'A b', model: 'test/x' },
    ]
    const message = expect.stringMatching(
      /^BeamClaw: agents\[1\]\.id: The agent id takes 1 to 64 of .*; received a string of 3 characters$/,
    )
    expect(() => make({ agents })).toThrow(expect.objectContaining({ code: 'invalid-id', message }))
    expect(() => defineAgent({ id: '!', model: 'test/x' })).toThrow(/^defineAgent: option "id": The agent id takes/)
  })

  test('and the error has the path and the value as fields', () => {
    expect(() => make({ agents: [{ id: 'ops', model: 'nobody/x' }] })).toThrow(
      expect.objectContaining({
        details: { owner: 'BeamClaw', option: 'agents[0].model', received: 'nobody/x', known: ['anthropic', 'test'] },
      }),
    )
  })
})

describe('agents given as plain options', () => {
  test('are defined as defineAgent does it, at the start and later', async () => {
    const running = await make({ agents: [{ id: 'Ops', model: 'test/x', tools: [wave] }] }).start()
    expect(running.agents).toEqual([defineAgent({ id: 'ops', model: 'test/x', tools: [wave] })])
    running.updateAgents([{ id: 'ops', model: 'anthropic/y' }])
    expect((await running.session('agent:ops:main').send('who?').result()).text).toBe('I am y')
    await running.stop()
  })

  test('stay as they were when an update names an unknown provider', async () => {
    const { claw } = await stage(model)
    expect(() => claw.updateAgents([{ id: 'main', model: 'nobody/x' }])).toThrow(
      expect.objectContaining({ code: 'invalid-option', message: expect.stringMatching(/^updateAgents: agents\[0\]\.model/) }),
    )
    expect(claw.agents).toMatchObject([{ id: 'main', model: 'test/model' }])
    await claw.stop()
  })
})

test('a session refuses the model of a provider that is not there, and keeps its own', async () => {
  const { claw } = await stage(model)
  const session = claw.session('agent:main:a')
  await expect(session.configure({ model: 'tset/x' })).rejects.toMatchObject({
    code: 'invalid-option',
    message: expect.stringMatching(/"tset\/x"; did you mean "test\/…"\?/),
  })
  expect((await session.send('who?').result()).text).toBe('I am model')
  await claw.stop()
})

/** A BeamClaw whose start has failed, over a store that can be opened now. */
async function afterFailedStart() {
  const store = new TroubledStore('activity')
  store.opening = async () => {
    throw new BeamClawError('store-locked', 'another process has the store')
  }
  const claw = make({ agents: [{ id: 'main', model: 'test/x' }], store })
  await expect(claw.start()).rejects.toMatchObject({ code: 'store-locked' })
  store.opening = async () => {}
  return { claw, store }
}

test('a start that fails has the error of the store, and leaves a BeamClaw that can be started', async () => {
  const { claw } = await afterFailedStart()
  await using running = await claw.start()
  expect(running.isRunning).toBe(true)
})

test('a program whose start has failed and that gives up ends what it was given, but not what runs', async () => {
  const { claw, store } = await afterFailedStart()
  const running = await claw.start()
  await expect(claw.release()).rejects.toMatchObject({ code: 'actor-already-started' })
  expect((await running.session('agent:main:a').send('hello').result()).text).toBe('I am x')
  running.kill()
  await running.ended
  await claw.release()
  await expect(store.readLog([defaultTenant, 'sessions', 'main', 'a'])).rejects.toMatchObject({ code: 'store-stopped' })
  await claw.release()
})
