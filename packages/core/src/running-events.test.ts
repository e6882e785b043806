import type { Logger } from '@beamclaw/actor'
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { RunningBeamClaw } from './running-beamclaw.ts'
import type { SessionEvent } from './session/session-event.ts'
import { FunctionModel, stage } from './testing/model.ts'

async function up(logger?: Logger): Promise<RunningBeamClaw> {
  const agents = ['main', 'ops'].map((id) => ({ id, model: 'test/model' }))
  const services = logger === undefined ? {} : { services: { clock: new ManualClock(), logger } }
  const { claw } = await stage(new FunctionModel(() => ({ text: 'two words' })), {}, { agents, tenants: ['default', 'acme'], ...services })
  onTestFinished(() => void claw.kill())
  return claw
}

describe('running.on', () => {
  test('tells the events of every session, with tenant and agent, in the order of each session', async () => {
    const claw = await up()
    const told: SessionEvent[] = []
    claw.on('*', (event) => void told.push(event))
    await claw.session('agent:main:a').send('hi').result()
    await claw.tenant('acme').session('agent:ops:b').send('hi').result()
    await flushEventLoop()
    const types = ['message-accepted', 'run-start', 'model-request', 'text-delta', 'text-delta', 'message', 'run-end']
    expect(told.filter(({ tenant }) => tenant === 'default').map(({ type }) => type)).toEqual(types)
    expect(told.filter(({ tenant }) => tenant === 'acme').map(({ type }) => type)).toEqual(types)
    expect(new Set(told.map(({ tenant, agentId, sessionKey }) => `${tenant} ${agentId} ${sessionKey}`))).toEqual(
      new Set(['default main agent:main:a', 'acme ops agent:ops:b']),
    )
  })

  test('tells one type, one agent, one tenant, until it is cancelled', async () => {
    const claw = await up()
    const told: string[] = []
    const tell = (event: SessionEvent<'run-end'>): void => void told.push(`${event.tenant} ${event.agentId} ${event.outcome}`)
    const cancel = claw.on('run-end', tell, { agent: 'Ops', tenant: 'acme' })
    for (const id of ['main', 'ops']) {
      await claw.session(`agent:${id}:a`).send('hi').result()
      await claw.tenant('acme').session(`agent:${id}:a`).send('hi').result()
    }
    await flushEventLoop()
    expect(told).toEqual(['acme ops completed'])
    cancel()
    cancel()
    await claw.tenant('acme').session('agent:ops:a').send('again').result()
    await flushEventLoop()
    expect(told).toHaveLength(1)
  })

  test('goes on, and so do the runs, when a listener throws, rejects, or never returns', async () => {
    const logged: string[] = []
    const claw = await up({ log: (_, event) => void logged.push(event) })
    let told = 0
    claw.on('run-start', () => {
      throw new Error('no')
    })
    claw.on('run-start', () => Promise.reject(new Error('no')))
    claw.on('*', () => new Promise(() => {}))
    claw.on('run-end', () => void told++)
    await claw.session('agent:main:a').send('hi').result()
    await claw.session('agent:main:a').send('hi').result()
    await flushEventLoop()
    expect(told).toBe(2)
    expect(logged.filter((event) => event === 'events.listener-failed')).toHaveLength(4)
  })

  test('tells that a session was deleted, with the agent that had it', async () => {
    const claw = await up()
    const told: object[] = []
    claw.on('session-delete', (event) => void told.push(event), { tenant: 'acme' })
    await claw.tenant('acme').session('agent:ops:a').send('hi').result()
    await claw.session('agent:main:a').send('hi').result()
    await claw.tenant('acme').session('agent:ops:a').delete()
    await claw.session('agent:main:a').delete()
    await flushEventLoop()
    expect(told).toMatchObject([{ type: 'session-delete', sessionKey: 'agent:ops:a', tenant: 'acme', agentId: 'ops' }])
  })

  test('may send from a listener, and wait for what comes of it', async () => {
    const claw = await up()
    const replies: string[] = []
    claw.on('run-end', async () => void replies.push((await claw.session('agent:ops:log').send('it ended').result()).text), {
      agent: 'main',
    })
    await claw.session('agent:main:a').send('hi').result()
    while (replies.length === 0) await flushEventLoop()
    expect(replies).toEqual(['two words'])
  })

  test('refuses what is no type, no function, no option, no agent and no tenant', async () => {
    const claw = await up()
    const none = (): void => {}
    expect(() => claw.on('run-ended' as never, none)).toThrow(/on: there is no event "run-ended"; did you mean "run-end"\?/)
    expect(() => claw.on('*', 'no' as never)).toThrow(/on: option "listener" must be a function/)
    expect(() => claw.on('*', none, { agents: 'main' } as never)).toThrow(/agent/)
    expect(() => claw.on('anything' as never, none)).toThrow(/no event "anything"; known events are \*, message-accepted,/)
    expect(() => claw.on('*', none, { tenant: 'nobody' })).toThrow(/no tenant "nobody"; known tenants are default/)
    expect(() => claw.on('*', none, { agent: 'nobody' })).toThrow(expect.objectContaining({ code: 'unknown-agent' }))
    expect(() => claw.on('*', none, { agent: 'mian' })).toThrow(/no agent "mian"; did you mean "main"\?/)
  })
})
