import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { RunEvent } from '../base/events.ts'
import { defaultTenant } from '../base/ids.ts'
import { TroubledStore } from '../testing/troubled-store.ts'
import type { SessionHandle } from './session-handle.ts'
import { caller, first, scene } from './testing/approval-scene.ts'

const key = 'agent:main:main'

describe('a call with high risk', () => {
  test('waits for a person, and runs once it is approved', async () => {
    const set = await scene(caller('prod'))
    const run = set.claw.session(key).send('go')
    const request = await first(set)
    expect(set.ran).toEqual([])
    expect(request).toMatchObject({ sessionKey: key, agentId: 'main', toolName: 'deploy', input: { to: 'prod' }, onExpiry: 'deny' })
    expect(request.display).toContain('"to": "prod"')
    expect(request.expiresAt - request.requestedAt).toBe(120_000)
    await set.claw.approvals.approve(request.id, { by: 'ada' })
    expect((await run.result()).text).toBe('deployed prod')
    expect(set.ran).toEqual(['prod'])
    expect(await set.claw.approvals.list()).toEqual([])
    await set.claw.stop()
  })

  test('does not run when it is denied: the model reads the reason', async () => {
    const set = await scene(caller('prod'))
    const run = set.claw.session(key).send('go')
    await set.claw.approvals.deny((await first(set)).id, { reason: 'It is Friday.' })
    expect((await run.result()).text).toMatch(/^Denied: .*It is Friday\.$/)
    expect(set.ran).toEqual([])
    await set.claw.stop()
  })

  test.each([
    ['deny', [], /was not approved within 60 seconds/],
    ['approve', ['prod'], /deployed prod/],
  ] as const)('without a decision: %s', async (onApprovalExpiry, ran, text) => {
    const set = await scene(caller('prod'), { approvalTimeoutMs: 60_000, onApprovalExpiry })
    const run = set.claw.session(key).send('go')
    const { id } = await first(set)
    await set.clock.advance(59_999)
    await flushEventLoop()
    expect(await set.claw.approvals.list()).toHaveLength(1)
    await set.clock.advance(1)
    expect((await run.result()).text).toMatch(text)
    expect(set.ran).toEqual(ran)
    await expect(set.claw.approvals.approve(id)).rejects.toMatchObject({ code: 'already-resolved' })
    await set.claw.stop()
  })

  test('is decided once: the first answer holds, and an unknown one changes nothing', async () => {
    const set = await scene(caller('prod'))
    const events: RunEvent[] = []
    set.claw.on('approval-decision', (event) => void events.push(event))
    const run = set.claw.session(key).send('go')
    const { id } = await first(set)
    const { approvals } = set.claw
    const answers = await Promise.allSettled([
      approvals.deny(id, { by: 'bob' }),
      approvals.approve(id, { by: 'eve' }),
      approvals.approve(id),
    ])
    expect(answers.map((answer) => (answer.status === 'rejected' ? answer.reason.code : 'fine'))).toEqual([
      'fine',
      'already-resolved',
      'already-resolved',
    ])
    await run.result()
    expect(set.ran).toEqual([])
    expect(events).toMatchObject([{ id, answer: { decision: 'denied', by: 'bob' } }])
    await expect(approvals.approve('nothing')).rejects.toMatchObject({ code: 'unknown-approval' })
    await expect(approvals.approve('00xk5b8c0-abc')).rejects.toMatchObject({ code: 'unknown-approval' })
    await expect(approvals.approve(7 as never)).rejects.toMatchObject({ code: 'unknown-approval' })
    await expect(approvals.approve(id, { scope: 'world' } as never)).rejects.toMatchObject({ code: 'invalid-option' })
    await set.claw.stop()
  })

  test('among several: each has its own decision, and an approved one does not wait for one that runs', async () => {
    const hold = Promise.withResolvers<void>()
    const started: string[] = []
    const set = await scene(caller('a', 'b', 'c'), {
      askMode: ({ input }) => ((input as { to: string }).to === 'a' ? 'off' : 'always'),
      execute: async ({ to }) => {
        started.push(to)
        if (to === 'a') await hold.promise
        return `deployed ${to}`
      },
    })
    const run = set.claw.session(key).send('go')
    await flushEventLoop()
    const requests = await set.requests()
    expect(requests.map(({ input }) => input)).toEqual(expect.arrayContaining([{ to: 'b' }, { to: 'c' }]))
    const idOf = (to: string): string => requests.find(({ input }) => (input as { to: string }).to === to)?.id ?? ''
    await set.claw.approvals.approve(idOf('c'))
    await flushEventLoop()
    expect(started).toEqual(['a', 'c'])
    await set.claw.approvals.deny(idOf('b'))
    hold.resolve()
    expect((await run.result()).text).toMatch(/^deployed a \| Denied: .* \| deployed c$/)
    await set.claw.stop()
  })

  test('gets what a hook has made of it, and just that is shown', async () => {
    const set = await scene(caller('prod'), {}, { hooks: { beforeTool: () => ({ input: { to: 'staging\u202e' } }) } })
    const run = set.claw.session(key).send('go')
    const request = await first(set)
    expect(request.input).toEqual({ to: 'staging\u202e' })
    expect(request.display).toContain('staging\\u{202e}')
    await set.claw.approvals.approve(request.id)
    await run.result()
    expect(set.ran).toEqual(['staging\u202e'])
    await set.claw.stop()
  })
})

describe('a plan', () => {
  test('is what is shown, recorded and executed', async () => {
    const seen: unknown[] = []
    const set = await scene(caller('prod'), {
      plan: ({ to }, { sessionKey, tenant }) => ({ display: `ssh ${to}`, detail: { argv: ['ssh', to], sessionKey, tenant } }),
      execute: (_, { plan }) => {
        seen.push(plan)
        return 'fine'
      },
    })
    const run = set.claw.session(key).send('go')
    const request = await first(set)
    expect(request).toMatchObject({ display: 'ssh prod', detail: { argv: ['ssh', 'prod'] } })
    expect(request.permits).toBeUndefined()
    await expect(set.claw.approvals.approve(request.id, { scope: 'session' })).rejects.toMatchObject({ code: 'invalid-option' })
    await set.claw.approvals.approve(request.id)
    await run.result()
    expect(seen).toEqual([{ argv: ['ssh', 'prod'], sessionKey: key, tenant: 'default' }])
    await set.claw.stop()
  })

  test.each([
    [
      () => {
        throw new Error('no such host')
      },
      /no such host/,
    ],
    [() => ({ display: 'x' }), /detail/],
    [() => ({ display: '', detail: 1 }), /display/],
    [() => ({ display: 'x'.repeat(300_000), detail: 1 }), /more than a person/],
    [() => 'text', /plan must be an object/],
    [
      () => ({
        get display(): string {
          throw new Error('trap')
        },
        detail: 1,
      }),
      /cannot be read/,
    ],
  ])('that cannot be made refuses the call: %#', async (plan, problem) => {
    const set = await scene(caller('prod'), { plan: plan as never })
    expect((await set.claw.session(key).send('go').result()).text).toMatch(problem)
    expect(set.ran).toEqual([])
    await set.claw.stop()
  })
})

describe('a session that waits for approval', () => {
  test.each([
    ['abort', (session: SessionHandle) => session.abort()],
    ['interrupt', (session: SessionHandle) => session.send('no', { queueMode: 'interrupt' }).result()],
    ['steer', (session: SessionHandle) => session.send('no', { queueMode: 'steer' }).result()],
  ] as const)('is listed before anything ends the wait, so that a crash loses nothing: %s', async (_, end) => {
    const store = new TroubledStore('activity')
    const set = await scene(caller('prod'), {}, {}, { store })
    const session = set.claw.session(key)
    session
      .send('go')
      .result()
      .catch(() => {})
    expect(await set.requests()).toHaveLength(1)
    const lastSeq = async (): Promise<number> => (await store.readLog([defaultTenant, 'sessions', 'main', 'main']))?.lastSeq ?? 0
    // It is asleep, and not listed any more.
    await set.clock.advance(61_000)
    await flushEventLoop()
    const [before, held] = [await lastSeq(), Promise.withResolvers<void>()]
    store.before = () => held.promise
    const ended = end(session).catch(() => {})
    await flushEventLoop()
    expect([await lastSeq(), (await set.claw.approvals.list()).length]).toEqual([before, 1])
    held.resolve()
    await ended
    expect(await lastSeq()).toBeGreaterThan(before)
    await vi.waitFor(async () => expect(await set.claw.approvals.list()).toEqual([]))
    await set.claw.stop()
  })

  test('is at rest again after a message was refused that was to steer it', async () => {
    const store = new TroubledStore('activity')
    const set = await scene(caller('prod'), {}, {}, { store })
    onTestFinished(() => set.claw.kill())
    const session = set.claw.session(key)
    session
      .send('go')
      .result()
      .catch(() => {})
    await first(set)
    await set.clock.advance(61_000)
    await flushEventLoop()
    const held = Promise.withResolvers<void>()
    store.before = () => held.promise
    const refused = expect(session.send('no', { queueMode: 'steer', tools: ['deploy'] }).accepted).rejects.toMatchObject({
      code: 'invalid-option',
    })
    await flushEventLoop()
    // What it may use is gone by the time at which the session is listed.
    set.claw.updateAgents([{ id: 'main', model: 'test/model' }])
    held.resolve()
    await refused
    await flushEventLoop()
    let isDrained = false
    void set.claw.drain().then(() => {
      isDrained = true
    })
    await flushEventLoop()
    expect(isDrained).toBe(true)
  })

  test('leaves memory, holds up no drain, and is changed by no look at it', async () => {
    const set = await scene(caller('prod'))
    const run = set.claw.session(key).send('go')
    run.result().catch(() => {})
    const { id } = await first(set)
    await set.clock.advance(61_000)
    await flushEventLoop()
    const records = async (): Promise<number> => (await set.store.readLog(['default', 'sessions', 'main', 'main'] as never))?.lastSeq ?? 0
    const before = await records()
    expect(set.claw.tree().children?.[0]?.children?.[0]?.children?.find((child) => child.id === 'sessions')?.children).toEqual([])
    await set.claw.session(key).history()
    expect((await set.claw.session(key).inspect()).current).toMatchObject({ waitsFor: 'approval' })
    expect(await records()).toBe(before)
    await set.claw.drain()
    await set.claw.approvals.approve(id)
    await flushEventLoop()
    expect(set.ran).toEqual(['prod'])
    await set.claw.stop()
  })

  test('is ended by an abort, and the request with it', async () => {
    const set = await scene(caller('prod'))
    const run = set.claw.session(key).send('go')
    const { id } = await first(set)
    await set.claw.session(key).abort()
    await expect(run.result()).rejects.toMatchObject({ code: 'run-aborted' })
    expect(await set.claw.approvals.list()).toEqual([])
    await expect(set.claw.approvals.approve(id)).rejects.toMatchObject({ code: expect.stringMatching(/already-resolved|unknown-approval/) })
    expect(set.ran).toEqual([])
    await set.claw.stop()
  })

  test('goes on without the call when a message steers it', async () => {
    const set = await scene(caller('prod'))
    const run = set.claw.session(key).send('go')
    await first(set)
    const other = set.claw.session(key).send('never mind', { queueMode: 'steer' })
    await Promise.all([run.result(), other.result().catch(() => {})])
    expect(set.ran).toEqual([])
    await set.claw.stop()
  })
})

describe('after a crash', () => {
  test('the request is still there, with what is left of its time, and is answered', async () => {
    const set = await scene(caller('prod'), { approvalTimeoutMs: 60_000 })
    const run = set.claw.session(key).send('go', { idempotencyKey: 'one' })
    run.result().catch(() => {})
    const before = await first(set)
    await set.clock.advance(30_000)
    const claw = await set.restart()
    expect(await claw.approvals.list()).toEqual([before])
    await set.clock.advance(29_000)
    await claw.approvals.approve(before.id)
    expect((await claw.session(key).send('go', { idempotencyKey: 'one' }).result()).text).toBe('deployed prod')
    expect(set.ran).toEqual(['prod'])
    await claw.stop()
  })

  test('a time that ended meanwhile counts once', async () => {
    const set = await scene(caller('prod'), { approvalTimeoutMs: 60_000 })
    set.claw
      .session(key)
      .send('go', { idempotencyKey: 'one' })
      .result()
      .catch(() => {})
    await first(set)
    set.claw.kill()
    await set.clock.advance(3_600_000)
    const claw = await set.restart()
    await set.clock.advance(1)
    expect((await claw.session(key).send('go', { idempotencyKey: 'one' }).result()).text).toMatch(/was not approved/)
    const events = (await set.store.readLog(['default', 'sessions', 'main', 'main'] as never))?.records.filter(
      ({ type }) => type === 'approval-decision',
    )
    expect(events).toHaveLength(1)
    await claw.stop()
  })
})
