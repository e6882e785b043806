import { describe, expect, test } from 'vitest'
import type { ActorContext } from '../actor/actor-ref.ts'
import { flushEventLoop } from '../testing/manual-clock.ts'
import { gate, Probe } from '../testing/probe.ts'
import { recordingServices } from '../testing/tree.ts'
import type { ChildSpec } from './child-spec.ts'
import { DynamicSupervisor } from './dynamic-supervisor.ts'
import { Supervisor } from './supervisor.ts'

class Starting extends Probe {
  readonly #ready: Promise<void>

  constructor(id: string, ready: Promise<void>) {
    super({ id })
    this.#ready = ready
  }

  protected override init(_context: ActorContext): Promise<void> {
    return this.#ready
  }
}

const forEver = new Promise<never>(() => {})

describe('a dynamic supervisor', () => {
  test('may be stopped while a child is in a restart that fails and its sibling stops slowly', async () => {
    const { services, clock } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const again = gate()
    let starts = 0
    await supervisor.startChild({ start: () => (starts++ === 0 ? new Probe({ id: 'first' }) : new Starting('again', again.promise)) })
    const slow = new Probe({ id: 'slow' })
    slow.whenStopped = () => new Promise((resolve) => clock.setTimer(resolve, 100))
    await supervisor.startChild({ start: () => slow })
    supervisor.whichChildren()[0]?.actor?.kill()
    await flushEventLoop()
    const stopped = supervisor.stop()
    await flushEventLoop()
    again.reject(new Error('no'))
    await clock.advance(100)
    // An unhandled rejection would fail this run.
    expect(await stopped).toEqual({ type: 'shutdown' })
  })

  test('that is stopped leaves a child that is being terminated its grace', async () => {
    const { services, clock } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const child = new Probe()
    child.whenStopped = () => new Promise((resolve) => clock.setTimer(resolve, 100))
    await supervisor.startChild({ start: () => child })
    const terminated = supervisor.terminateChild(child)
    const stopped = supervisor.stop()
    await clock.advance(99)
    expect(child.isAlive).toBe(true)
    await clock.advance(1)
    await Promise.all([terminated, stopped])
    expect(child.exitReason).toEqual({ type: 'shutdown' })
  })

  test('terminates a child between two restarts, by the actor that its caller knows', async () => {
    const { services, clock } = recordingServices()
    const supervisor = await new DynamicSupervisor({ maxRestarts: 9, backoff: { minMs: 100, maxMs: 100 } }).start(services)
    const made: Probe[] = []
    const start = (): Probe => {
      const probe = new Probe()
      made.push(probe)
      return probe
    }
    await supervisor.startChild({ start })
    made[0]?.kill()
    await flushEventLoop()
    made[1]?.kill()
    await flushEventLoop()
    expect(supervisor.whichChildren()).toMatchObject([{ state: 'restarting' }])
    await supervisor.terminateChild(made[1] as Probe)
    await clock.advance(1_000)
    expect(made).toHaveLength(2)
    expect(supervisor.countChildren().specs).toBe(0)
    await expect(supervisor.terminateChild(made[1] as Probe)).rejects.toMatchObject({ code: 'child-not-found' })
  })

  test('keeps the name of an ensured child until that has ended', async () => {
    const { services, clock } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const first = new Probe()
    first.whenStopped = () => new Promise((resolve) => clock.setTimer(resolve, 50))
    await supervisor.ensureChild({ id: 'one', start: () => first })
    const terminated = supervisor.terminateChild(first)
    const next = supervisor.ensureChild({
      id: 'one',
      start: () => {
        expect(first.isAlive).toBe(false)
        return new Probe()
      },
    })
    await clock.advance(50)
    await terminated
    expect(await next).not.toBe(first)
  })

  test('says what it wants where it is handed an id', async () => {
    const supervisor = await new DynamicSupervisor().start(recordingServices().services)
    await expect(supervisor.terminateChild('id' as never)).rejects.toMatchObject({ code: 'invalid-option' })
  })
})

describe('a supervisor leaves no orphan', () => {
  test('when it is killed between the starts of two children', async () => {
    const { services } = recordingServices()
    const made: Probe[] = []
    const start = (): Probe => {
      const probe = new Probe()
      made.push(probe)
      return probe
    }
    const supervisor: Supervisor = new Supervisor({
      children: [
        { id: 'a', start },
        {
          id: 'b',
          start: () => {
            supervisor.kill()
            return start()
          },
        },
        { id: 'c', start },
      ],
    })
    await expect(supervisor.start(services)).rejects.toMatchObject({ code: 'actor-killed' })
    await flushEventLoop()
    expect(made.map((probe) => probe.isAlive)).toEqual([false, false])
  })

  test.each(['kill', 'stop'] as const)('when a listener asks it to %s while it starts', async (how) => {
    const { services } = recordingServices()
    const made: Probe[] = []
    const start = (): Probe => {
      const probe = new Probe()
      made.push(probe)
      return probe
    }
    const children = ['a', 'b', 'c'].map((id) => ({ id, start }))
    const supervisor = new Supervisor({ children })
    services.telemetry.on('actor-start', () => void supervisor[how]())
    await expect(supervisor.start(services)).rejects.toMatchObject({ code: how === 'kill' ? 'actor-killed' : 'child-start-failed' })
    await flushEventLoop()
    expect(made).toHaveLength(1)
    expect(made[0]?.exitReason?.type).toBe(how === 'kill' ? 'killed' : 'shutdown')
  })

  test('when it is killed while a temporary child is being terminated', async () => {
    const { services } = recordingServices()
    const child = new Probe()
    child.whenStopped = () => forEver
    const supervisor = await new Supervisor({
      children: [{ id: 'a', restart: 'temporary', shutdownMs: 'infinity', start: () => child }],
    }).start(services)
    const terminated = expect(supervisor.terminateChild('a')).rejects.toMatchObject({ code: 'actor-killed' })
    await flushEventLoop()
    supervisor.kill()
    await terminated
    expect(child.isAlive).toBe(false)
  })
})

describe('a supervisor that is stopped while a nested one starts', () => {
  test('lets the grandchildren that are up stop within their grace', async () => {
    const { services, clock } = recordingServices()
    const up = new Probe({ id: 'up' })
    up.whenStopped = () => new Promise((resolve) => clock.setTimer(resolve, 30))
    const nested = new Supervisor({
      children: [
        { id: 'up', start: () => up },
        { id: 'never', start: () => new Starting('never', forEver) },
      ],
    })
    const supervisor = await new Supervisor().start(services)
    const started = expect(supervisor.startChild({ id: 'nested', start: () => nested })).rejects.toMatchObject({ code: expect.any(String) })
    await flushEventLoop()
    const stopped = supervisor.stop()
    await clock.advance(29)
    expect(up.isAlive).toBe(true)
    await clock.advance(1)
    await started
    expect(await stopped).toEqual({ type: 'shutdown' })
    expect(up.exitReason).toEqual({ type: 'shutdown' })
    expect(nested.isAlive).toBe(false)
  })
})

describe('a restart that waits', () => {
  test('does not fire for a child that was started again by hand', async () => {
    const { services, clock, events } = recordingServices()
    const made: Probe[] = []
    const start = (): Probe => {
      const probe = new Probe()
      made.push(probe)
      return probe
    }
    const backoff = { minMs: 100, maxMs: 1_000 }
    const supervisor = await new Supervisor({ maxRestarts: 9, backoff, children: [{ id: 'a', start }] }).start(services)
    made[0]?.kill()
    await flushEventLoop()
    made[1]?.kill()
    await flushEventLoop()
    // Due in 75 ms, but terminated and started by hand before; the next crash waits for its own 150 ms.
    await clock.advance(60)
    await supervisor.terminateChild('a')
    await supervisor.restartChild('a')
    made[2]?.kill()
    await flushEventLoop()
    await clock.advance(149)
    expect(made).toHaveLength(3)
    await clock.advance(1)
    expect(made).toHaveLength(4)
    expect(events.filter(({ type }) => type === 'actor-restart')).toHaveLength(2)
  })
})

describe('as in OTP', () => {
  test('a supervisor child that is stopped still counts as one', async () => {
    const supervisor = await new Supervisor({ children: [{ id: 's', start: () => new Supervisor() }] }).start(recordingServices().services)
    await supervisor.terminateChild('s')
    expect(supervisor.countChildren()).toEqual({ specs: 1, active: 0, supervisors: 1, workers: 0 })
  })

  test('a nested supervisor may take as long to start as its children do', async () => {
    const { services, clock } = recordingServices()
    const slow = (id: string): ChildSpec => ({
      id,
      start: () => new Starting(id, new Promise((resolve) => clock.setTimer(resolve, 20_000))),
    })
    const started = new Supervisor({ children: [{ id: 's', start: () => new Supervisor({ children: [slow('a'), slow('b')] }) }] }).start(
      services,
    )
    await clock.advance(40_000)
    expect((await started).countChildren().active).toBe(1)
  })
})

describe('a child spec', () => {
  test('with a key that nothing reads is refused, with the nearest name', () => {
    const spec = { id: 'a', start: () => new Probe(), shutdown: 10 } as ChildSpec
    expect(() => new Supervisor({ children: [spec] })).toThrow(/child "a": unknown option "shutdown"; did you mean "shutdownMs"/)
  })
})

describe('a request that makes no sense', () => {
  const thrower = (): never => {
    throw new Error('read')
  }
  const requests: readonly (readonly [string, (supervisor: Supervisor) => Promise<unknown>, string])[] = [
    [
      'a spec with a getter that throws',
      (s) =>
        s.startChild({
          get id() {
            return thrower()
          },
          start: () => new Probe(),
        } as never),
      'child-spec-not-object',
    ],
    [
      'a spec that is a proxy that throws',
      (s) => s.startChild(new Proxy({}, { ownKeys: thrower, get: thrower }) as never),
      'child-spec-not-object',
    ],
    ['an id that cannot be made a text', (s) => s.terminateChild(Object.create(null)), 'child-not-found'],
    ['an id whose toString throws', (s) => s.restartChild({ toString: thrower } as never), 'child-not-found'],
    ['a deletion of nothing', (s) => s.deleteChild(undefined as never), 'child-not-found'],
  ]
  test.each(requests)('concerns the one who asks and nobody else: %s', async (_what, ask, code) => {
    const { services } = recordingServices()
    const supervisor = await new Supervisor({ children: [{ id: 'a', start: () => new Probe() }] }).start(services)
    const innocent = supervisor.child('a')
    await expect(ask(supervisor)).rejects.toMatchObject({ code })
    expect([supervisor.isAlive, innocent?.isAlive]).toEqual([true, true])
  })

  test('a spec whose methods are those of its class is one', async () => {
    class Spec {
      readonly id = 'b'
      readonly #made = new Probe({ id: 'made' })
      start(): Probe {
        return this.#made
      }
    }
    const { services } = recordingServices()
    const supervisor = await new Supervisor().start(services)
    expect(await supervisor.startChild(new Spec() as never)).toMatchObject({ id: 'made' })
  })
})

describe('an exit reason that is none', () => {
  test.each([null, 'x', { type: 5 }, {}])('crashes who gives it, and its supervisor hears: %j', async (reason) => {
    const { services } = recordingServices()
    const supervisor = await new Supervisor({ children: [{ id: 'a', start: () => new Probe() }] }).start(services)
    const first = supervisor.child('a')
    first?.cast(((context: { stop(reason: unknown): void }) => context.stop(reason)) as never)
    await flushEventLoop()
    expect(first?.exitReason).toMatchObject({ type: 'crashed', cause: { code: 'invalid-option' } })
    expect(supervisor.child('a')?.generation).toBe(2)
    await expect(supervisor.stop(reason as never)).rejects.toMatchObject({ code: 'invalid-option' })
  })

  test('and a method of the user called onGone is just that', async () => {
    class Own extends Probe {
      onGone(): void {
        throw new Error('not a hook')
      }
    }
    const { services } = recordingServices()
    const supervisor = await new Supervisor({ children: [{ id: 'a', start: () => new Own() }] }).start(services)
    supervisor.child('a')?.kill()
    await flushEventLoop()
    expect(supervisor.child('a')?.generation).toBe(2)
  })
})
