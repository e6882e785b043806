import { describe, expect, onTestFinished, test } from 'vitest'
import type { RunningBeamClaw } from '../running-beamclaw.ts'
import { FunctionModel, stage } from '../testing/model.ts'

async function up(...agents: string[]): Promise<RunningBeamClaw> {
  const model = new FunctionModel(({ model: name }) => ({ text: `I am ${name}` }))
  const { claw } = await stage(model, {}, { agents: agents.map((id) => ({ id, model: `test/${id}` })), tenants: ['default', 'acme'] })
  onTestFinished(() => void claw.kill())
  return claw
}

describe('a name without a colon', () => {
  test('is a session of the first agent, whose handle and whose stored key are whole', async () => {
    const claw = await up('ops', 'main')
    const session = claw.session('first')
    expect(session.key).toBe('agent:ops:first')
    expect((await session.send('hi').result()).text).toBe('I am ops')
    expect((await claw.session('agent:ops:first').history()).total).toBe(2)
    expect((await claw.sessions()).map(({ sessionKey }) => sessionKey)).toEqual(['agent:ops:first'])
  })

  test('is one in every tenant', async () => {
    const claw = await up('main')
    const session = claw.tenant('acme').session('first')
    expect(session.key).toBe('agent:main:first')
    await session.send('hi').result()
    expect((await claw.tenant('acme').sessions()).map(({ sessionKey }) => sessionKey)).toEqual(['agent:main:first'])
    expect(await claw.sessions()).toEqual([])
  })

  test('belongs to the agent that is the first at the time of the call', async () => {
    const claw = await up('main', 'ops')
    const before = claw.session('first')
    claw.updateAgents([
      { id: 'ops', model: 'test/ops' },
      { id: 'main', model: 'test/main' },
    ])
    expect([before.key, claw.session('first').key]).toEqual(['agent:main:first', 'agent:ops:first'])
  })

  test('folds its capitals, as a key does', async () => {
    expect((await up('main')).session('First_A').key).toBe('agent:main:first_a')
  })

  test('may be the word agent', async () => {
    expect((await up('main')).session('agent').key).toBe('agent:main:agent')
  })

  test.each(['', ' ', 'a/b', '../x', 'a..b', '.a', 'a.', 'café', 'x'.repeat(512)])(
    'is refused when no session may have it: %j',
    async (name) => {
      const claw = await up('main')
      for (const sessions of [claw, claw.tenant('acme')]) {
        expect(() => sessions.session(name)).toThrow(
          expect.objectContaining({
            code: 'invalid-session-key',
            message: expect.stringMatching(/session of agent "main".*sessionKeyOf\('main', name\)/),
          }),
        )
      }
    },
  )

  test('never shows what came', async () => {
    const claw = await up('main')
    expect(() => claw.session('secret/name')).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') }))
  })

  test('is refused where there is no agent', async () => {
    const claw = await up('main')
    claw.updateAgents([])
    expect(() => claw.session('first')).toThrow(
      expect.objectContaining({ code: 'invalid-session-key', message: expect.stringContaining('there is no agent') }),
    )
  })
})

test('a name with a colon has to be a whole key', async () => {
  const claw = await up('main')
  for (const name of ['main:first', 'user:1', ':', 'agent:main']) {
    expect(() => claw.session(name)).toThrow(expect.objectContaining({ code: 'invalid-session-key' }))
  }
  expect(() => claw.session(7 as never)).toThrow(expect.objectContaining({ code: 'invalid-session-key' }))
})

test('ids after a string are refused: ignored, they would lead all users to one session', async () => {
  const claw = await up('main')
  for (const sessions of [claw, claw.tenant('acme')]) {
    expect(() => (sessions.session as (...names: string[]) => unknown).call(sessions, 'main', 'user-1')).toThrow(
      expect.objectContaining({ code: 'invalid-session-key', message: expect.stringContaining('sessionKeyOf(agentId, ...ids)') }),
    )
  }
})
