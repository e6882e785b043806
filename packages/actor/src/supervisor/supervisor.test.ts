import { describe, expect, test } from 'vitest'
import { ChildStartError } from '../base/errors.ts'
import { silentLogger } from '../defaults/console-logger.ts'
import { flushEventLoop } from '../testing/manual-clock.ts'
import { gate, Probe } from '../testing/probe.ts'
import { recordingServices } from '../testing/tree.ts'
import type { ChildSpec } from './child-spec.ts'
import { DynamicSupervisor } from './dynamic-supervisor.ts'
import { Supervisor } from './supervisor.ts'

const child = (id: string, more: Partial<ChildSpec> = {}): ChildSpec => ({ id, start: () => new Probe({ id }), ...more })

class Hanging extends Probe {
  protected override init(): Promise<void> {
    return new Promise(() => {})
  }
}

describe('a start that goes wrong', () => {
  test.each<[string, ChildSpec['start'], object]>([
    [
      'throws',
      () => {
        throw new Error('no')
      },
      { message: 'no' },
    ],
    ['rejects', () => Promise.reject(new Error('no')), { message: 'no' }],
    ['returns nothing', (() => undefined) as never, { code: 'child-not-supervisable' }],
    ['returns a number', (() => 7) as never, { code: 'child-not-supervisable' }],
    ['resolves with something that is no actor', (() => Promise.resolve('x')) as never, { code: 'child-not-supervisable' }],
  ])('because it %s stops the children before it and names the child and the cause', async (_how, start, cause) => {
    const { services } = recordingServices()
    const first = new Probe({ id: 'first' })
    const supervisor = new Supervisor({ children: [{ id: 'first', start: () => first }, { id: 'bad', start }, child('never')] })
    const failure = await supervisor.start(services).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ChildStartError)
    expect(failure).toMatchObject({ code: 'child-start-failed', childId: 'bad', cause })
    expect(first.exitReason).toEqual({ type: 'shutdown' })
    expect(supervisor.exitReason).toMatchObject({ type: 'shutdown' })
  })

  test('because it returns an actor that runs already leaves that actor alone', async () => {
    const { services } = recordingServices()
    const running = await new Probe().start(services)
    const supervisor = new Supervisor({ children: [{ id: 'taken', start: () => running }] })
    await expect(supervisor.start(services)).rejects.toMatchObject({ cause: { code: 'child-not-supervisable' } })
    expect(running.isAlive).toBe(true)
  })

  test('because it never settles fails after startTimeoutMs, and what is left of it is killed', async () => {
    const { services, clock } = recordingServices()
    const hanging = new Hanging()
    const supervisor = new Supervisor({ children: [{ id: 'slow', start: () => hanging, startTimeoutMs: 200 }] })
    const failed = expect(supervisor.start(services)).rejects.toMatchObject({ childId: 'slow', cause: { code: 'child-start-timeout' } })
    await clock.advance(200)
    await failed
    expect(hanging.exitReason).toEqual({ type: 'killed' })
  })

  test('because making the actor never settles leaves no actor running when it does at last', async () => {
    const { services, clock } = recordingServices()
    const made = gate<Probe>()
    const supervisor = new Supervisor({ children: [{ id: 'slow', start: () => made.promise, startTimeoutMs: 200 }] })
    const failed = expect(supervisor.start(services)).rejects.toMatchObject({ cause: { code: 'child-start-timeout' } })
    await clock.advance(200)
    await failed
    const late = new Probe()
    made.resolve(late)
    await flushEventLoop()
    expect(late.isAlive).toBe(false)
  })

  test('does not keep the supervisor from being stopped', async () => {
    const { services } = recordingServices()
    const hanging = new Hanging()
    const supervisor = await new Supervisor({ children: [child('a')] }).start(services)
    const added = supervisor.startChild({ id: 'slow', start: () => hanging })
    const failed = expect(added).rejects.toMatchObject({ code: 'child-start-failed', cause: { code: 'actor-stopped' } })
    await flushEventLoop()
    expect(await supervisor.stop()).toEqual({ type: 'shutdown' })
    await failed
    expect(hanging.exitReason).toEqual({ type: 'killed' })
  })
})

describe('a restart that goes wrong', () => {
  test('is tried again, each try counts, and the supervisor answers and can be stopped in between', async () => {
    const { services, events } = recordingServices()
    let starts = 0
    const start = (): Probe => {
      if (++starts > 1) throw new Error('cannot start again')
      return new Probe({ id: 'flaky' })
    }
    const supervisor = await new Supervisor({ children: [child('other'), { id: 'flaky', start }] }).start(services)
    supervisor.child('flaky')?.kill()
    await flushEventLoop()
    expect(starts).toBe(4)
    expect(events.at(-1)).toMatchObject({ type: 'actor-exit', reason: { type: 'shutdown' } })
    expect(events.filter((event) => event.type === 'restart-limit')).toMatchObject([{ childId: 'flaky', maxRestarts: 3, withinMs: 5_000 }])
    expect(supervisor.isAlive).toBe(false)
  })

  test('with a backoff waits longer each time, and a stop ends the wait', async () => {
    const { services, clock } = recordingServices()
    const starts: number[] = []
    const start = (): Probe => {
      starts.push(clock.monotonic())
      return new Probe({ id: 'crashing' })
    }
    const supervisor = await new Supervisor({
      children: [{ id: 'crashing', start }],
      maxRestarts: 10,
      withinMs: 60_000,
      backoff: { minMs: 100, maxMs: 250 },
    }).start(services)
    for (let crash = 0; crash < 4; crash++) {
      supervisor.child('crashing')?.kill()
      await flushEventLoop()
      await clock.advance(1_000)
    }
    // The second restart waits 75 ms (half of 100, and half of the other half), then 150, then 187.5.
    expect(starts).toEqual([0, 0, 1_075, 2_150, 3_188])
    supervisor.child('crashing')?.kill()
    await flushEventLoop()
    expect(supervisor.whichChildren()).toMatchObject([{ id: 'crashing', state: 'restarting', actor: undefined }])
    await supervisor.stop()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a supervision tree', () => {
  test('tells every start, exit and restart', async () => {
    const { services, events } = recordingServices()
    const supervisor = await new Supervisor({ id: 'top', children: [child('a')] }).start(services)
    supervisor.child('a')?.kill()
    await flushEventLoop()
    await supervisor.stop()
    expect(events).toMatchObject([
      { type: 'actor-start', id: 'a', generation: 1 },
      { type: 'actor-start', id: 'top' },
      { type: 'actor-exit', id: 'a', generation: 1, reason: { type: 'killed' } },
      { type: 'actor-restart', id: 'a', supervisorId: 'top', generation: 2, reason: { type: 'killed' } },
      { type: 'actor-start', id: 'a', generation: 2 },
      { type: 'actor-exit', id: 'a', generation: 2, reason: { type: 'shutdown' } },
      { type: 'actor-exit', id: 'top', reason: { type: 'shutdown' } },
    ])
  })

  test('shows itself', async () => {
    const { services } = recordingServices()
    const sessions = new DynamicSupervisor({ id: 'sessions' })
    const top = await new Supervisor({ id: 'top', children: [child('config'), { id: 'sessions', start: () => sessions }] }).start(services)
    await sessions.startChild({ id: 'one', start: () => new Probe({ id: 'one' }) })
    top.child('config')?.kill()
    await flushEventLoop()
    expect(top.tree()).toEqual({
      id: 'top',
      type: 'supervisor',
      state: 'running',
      restarts: 0,
      mailboxLength: 0,
      children: [
        { id: 'config', type: 'worker', state: 'running', restarts: 1, mailboxLength: 0 },
        {
          id: 'sessions',
          type: 'supervisor',
          state: 'running',
          restarts: 0,
          mailboxLength: 0,
          children: [{ id: 'one', type: 'worker', state: 'running', restarts: 0, mailboxLength: 0 }],
        },
      ],
    })
  })

  test.each(['static', 'dynamic'] as const)('that is killed while its %s children are being stopped takes them along', async (kind) => {
    const { services } = recordingServices()
    const leaf = new Probe({ id: 'leaf' })
    leaf.whenStopped = () => new Promise(() => {})
    const branch =
      kind === 'static' ? new Supervisor({ id: 'branch', children: [{ id: 'leaf', start: () => leaf }] }) : new DynamicSupervisor()
    const top = await new Supervisor({ id: 'top', children: [{ id: 'branch', start: () => branch }] }).start(services)
    if (branch instanceof DynamicSupervisor) await branch.startChild({ start: () => leaf })
    void top.stop()
    await flushEventLoop()
    expect(leaf.isAlive).toBe(true)
    top.kill()
    expect([branch.exitReason?.type, leaf.exitReason?.type]).toEqual(['killed', 'killed'])
  })

  test('that is killed while one child is being terminated takes that one along', async () => {
    const { services } = recordingServices()
    const leaf = new Probe({ id: 'leaf' })
    leaf.whenStopped = () => new Promise(() => {})
    const branch = await new DynamicSupervisor().start(services)
    await branch.startChild({ start: () => leaf })
    void branch.terminateChild(leaf)
    await flushEventLoop()
    branch.kill()
    expect(leaf.exitReason?.type).toBe('killed')
  })

  test('that is killed takes everything below it along, and its parent starts it afresh', async () => {
    const { services } = recordingServices()
    const leaves: Probe[] = []
    const leaf = (): Probe => {
      const probe = new Probe({ id: 'leaf' })
      leaves.push(probe)
      return probe
    }
    const inner = (): Supervisor => new Supervisor({ id: 'inner', children: [{ id: 'leaf', start: leaf }] })
    const outer = await new Supervisor({ children: [{ id: 'inner', start: inner }] }).start(services)
    outer.child('inner')?.kill()
    await flushEventLoop()
    expect(leaves.map((probe) => probe.exitReason?.type)).toEqual(['killed', undefined])
    await outer.stop()
    expect(leaves[1]?.exitReason).toEqual({ type: 'shutdown' })
  })

  test('gives a nested supervisor all the time it needs to stop', async () => {
    const { services, clock } = recordingServices()
    const leaf = new Probe({ id: 'leaf' })
    const tidying = gate()
    leaf.whenStopped = () => tidying.promise
    const inner = (): Supervisor => new Supervisor({ children: [{ id: 'leaf', start: () => leaf, shutdownMs: 60_000 }] })
    const outer = await new Supervisor({ children: [{ id: 'inner', start: inner }] }).start(services)
    const stopped = outer.stop()
    await clock.advance(50_000)
    tidying.resolve()
    await stopped
    expect(leaf.exitReason).toEqual({ type: 'shutdown' })
  })

  test('forgets what a temporary child was made from', async () => {
    const { services } = recordingServices()
    const collectGarbage = await garbageCollector()
    const make = (): { readonly spec: ChildSpec; readonly secret: WeakRef<object> } => {
      const argument = { large: 'x'.repeat(1_000) }
      return {
        spec: { id: 'task', restart: 'temporary', start: () => new Probe({ id: `task-${argument.large.length}` }) },
        secret: new WeakRef(argument),
      }
    }
    const given = make()
    const { secret } = given
    const supervisor = await new Supervisor({ children: [given.spec] }).start(services)
    ;(given as { spec?: ChildSpec }).spec = undefined as never
    await flushEventLoop()
    collectGarbage()
    await flushEventLoop()
    collectGarbage()
    expect(secret.deref()).toBeUndefined()
    expect(supervisor.child('task')?.isAlive).toBe(true)
  })
})

async function garbageCollector(): Promise<() => void> {
  const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([import('node:v8'), import('node:vm')])
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

describe('a child spec', () => {
  test('is what its start function knows as `this`, in whatever form it comes', async () => {
    const made: string[] = []
    const make = (name: string): Probe => {
      made.push(name)
      return new Probe({ id: name })
    }
    class Spec {
      readonly id = 'of-a-class'
      start(): Probe {
        return make(this.id)
      }
    }
    const inherits = Object.assign(Object.create({ make: () => make('inherits') }), {
      id: 'inherits',
      start(this: { make(): Probe }) {
        return this.make()
      },
    }) as ChildSpec
    const symbol = Symbol('name')
    const bySymbol = {
      id: 'by-symbol',
      [symbol]: 'by-symbol',
      start(this: { [symbol]: string }) {
        return make(this[symbol])
      },
    } as unknown as ChildSpec
    const specs = [new Spec(), inherits, bySymbol]
    await using _static = await new Supervisor({ children: specs }).start({ logger: silentLogger })
    await using dynamic = await new DynamicSupervisor().start({ logger: silentLogger })
    for (const spec of specs) await dynamic.startChild(spec)
    expect(made).toEqual(['of-a-class', 'inherits', 'by-symbol', 'of-a-class', 'inherits', 'by-symbol'])
  })
})
