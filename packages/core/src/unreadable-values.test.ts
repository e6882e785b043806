/** Values that throw when they are read, at every door of a BeamClaw: the error is typed, and names the place. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { defineAgent } from './agent/agent.ts'
import { BeamClawError } from './base/errors.ts'
import { BeamClaw } from './beamclaw.ts'
import type { MakeBeamClaw } from './embed/embedded-instance.ts'
import { lazyBeamClaw } from './embed/lazy-beamclaw.ts'
import type { RunningBeamClaw } from './running-beamclaw.ts'
import { readUiMessage } from './session/streams/read-ui-message.ts'
import { FunctionModel, stage } from './testing/model.ts'
import { agentTool, handoff } from './tool/agent-tool.ts'
import { defineTool } from './tool/tool.ts'
import { toolResult } from './tool/tool-reply.ts'

function unreadableValues(): readonly (readonly [string, never])[] {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const thrower = (): never => {
    throw new Error('read')
  }
  const closed = new Proxy({}, { get: thrower, ownKeys: thrower, getPrototypeOf: thrower, has: thrower })
  const names = [
    'id',
    'name',
    'model',
    'agents',
    'content',
    'agent',
    'timeoutMs',
    'description',
    'providers',
    'messages',
    'message',
    'type',
    'role',
    'signal',
  ]
  const getters = Object.defineProperties({}, Object.fromEntries(names.map((name) => [name, { get: thrower, enumerable: true }])))
  return [
    ['a revoked proxy', proxy as never],
    ['a proxy whose traps throw', closed as never],
    ['an object whose getters throw', getters as never],
  ]
}

const doors: readonly (readonly [string, (value: never, claw: RunningBeamClaw) => unknown])[] = [
  ['new BeamClaw', (value) => new BeamClaw(value)],
  ['an agent of a BeamClaw', (value) => new BeamClaw({ providers: {}, agents: [value] })],
  ['the agents of a BeamClaw', (value) => new BeamClaw({ providers: {}, agents: value })],
  ['updateAgents', (value, claw) => claw.updateAgents(value)],
  ['an agent of updateAgents', (value, claw) => claw.updateAgents([value])],
  ['defineAgent', (value) => defineAgent(value)],
  ['the tools of an agent', (value) => defineAgent({ id: 'a', model: 'a/b', tools: [value] })],
  ['the choice of an agent', (value) => defineAgent({ id: 'a', model: 'a/b', toolChoice: value })],
  ['the context of an agent', (value) => defineAgent({ id: 'a', model: 'a/b', context: value })],
  ['defineTool', (value) => defineTool(value)],
  ['the input of a tool', (value) => defineTool({ name: 'a', description: 'a', input: value, execute: () => '' })],
  ['agentTool', (value) => agentTool(value)],
  ['the options of agentTool', (value) => agentTool('a', value)],
  ['handoff', (value) => handoff(value)],
  ['toolResult', (value) => toolResult(value)],
  ['the content of toolResult', (value) => toolResult({ content: value })],
  ['a part of toolResult', (value) => toolResult({ content: [value] })],
  ['readUiMessage', (value) => readUiMessage(value)],
  ['the message of readUiMessage', (value) => readUiMessage({ id: 'a', message: value })],
  ['the messages of readUiMessage', (value) => readUiMessage({ id: 'a', messages: value })],
  ['a part of readUiMessage', (value) => readUiMessage({ id: 'a', message: { id: 'a', role: 'user', parts: [value] } })],
  ['complete', (value, claw) => claw.complete(value)],
  ['the messages of complete', (value, claw) => claw.complete({ model: 'test/a', messages: value })],
  ['a message of complete', (value, claw) => claw.complete({ model: 'test/a', messages: [value] })],
  ['the options of complete', (value, claw) => claw.complete({ model: 'test/a', messages: [] }, value)],
  ['the signal of complete', (value, claw) => claw.complete({ model: 'test/a', messages: [] }, { signal: value })],
  ['on', (value, claw) => claw.on(value, () => {})],
  ['the filter of on', (value, claw) => claw.on('*', () => {}, value)],
  ['lazyBeamClaw', (value) => lazyBeamClaw(value, value)],
]

describe('what cannot be read', () => {
  test.each(doors)('is refused typed by %s', async (_door, use) => {
    const { claw } = await stage(new FunctionModel(() => ({})))
    onTestFinished(() => void claw.kill())
    for (const [what, value] of unreadableValues()) {
      let thrown: unknown
      try {
        use(value, claw)
      } catch (error) {
        thrown = error
      }
      expect([what, BeamClawError.isInstance(thrown) ? thrown.kind : thrown]).toEqual([what, 'caller'])
    }
    expect(claw.agents.map(({ id }) => id)).toEqual(['main'])
  })
})

describe('a lazy BeamClaw whose make is wrong', () => {
  const junk: readonly (readonly [string, () => unknown, RegExp])[] = [
    ['returns nothing', () => undefined, /must return a BeamClaw that is not started, and it returned undefined/],
    ['returns text', () => 'claw', /it returned a string of 4 characters/],
    ['returns an object', () => ({}), /it returned an object/],
    [
      'throws what is no error',
      () => {
        throw 'no'
      },
      /make threw no; it must return a BeamClaw/,
    ],
    ['rejects with nothing', () => Promise.reject(undefined), /make threw a thrown undefined/],
    ...unreadableValues().flatMap(([what, value]): [string, () => unknown, RegExp][] => [
      [`returns ${what}`, () => value, /cannot be read|it returned/],
      [
        `throws ${what}`,
        () => {
          throw value
        },
        /make threw/,
      ],
    ]),
  ]

  test.each(junk)('rejects typed when it %s', async (what, make, message) => {
    const lazy = lazyBeamClaw(`junk ${what}`, make as MakeBeamClaw)
    await expect(lazy.get()).rejects.toMatchObject({ code: 'invalid-option', message: expect.stringMatching(message) })
  })

  test("passes the host's own error on as it is", async () => {
    const failure = new TypeError('no database')
    const lazy = lazyBeamClaw('own error', () => {
      throw failure
    })
    await expect(lazy.get()).rejects.toBe(failure)
  })
})
