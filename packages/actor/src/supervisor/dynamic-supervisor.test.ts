import { describe, expect, test } from 'vitest'
import type { ActorContext } from '../actor/actor-ref.ts'
import { IGNORE } from '../actor/internals.ts'
import { Registry } from '../registry/registry.ts'
import { flushEventLoop } from '../testing/manual-clock.ts'
import { gate, Probe, type Work } from '../testing/probe.ts'
import { recordingServices } from '../testing/tree.ts'
import { DynamicSupervisor } from './dynamic-supervisor.ts'

describe('a dynamic supervisor', () => {
  test('starts children on demand and answers with each', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const one = await supervisor.startChild({ start: () => new Probe({ id: 'one' }) })
    if (one === IGNORE) throw new Error('ignored')
    expect(await one.call(() => 'hello')).toBe('hello')
    expect(supervisor.whichChildren()).toMatchObject([{ id: 'one', state: 'running', restart: 'permanent' }])
    expect(supervisor.countChildren()).toEqual({ specs: 1, active: 1, supervisors: 0, workers: 1 })
  })

  test('starts several at once: a slow one does not hold up the others', async () => {
    const { services } = recordingServices()
    const ready = gate()
    class Slow extends Probe {
      protected override init(): Promise<void> {
        return ready.promise
      }
    }
    const supervisor = await new DynamicSupervisor().start(services)
    const slow = supervisor.startChild({ start: () => new Slow({ id: 'slow' }) })
    const quick = await supervisor.startChild({ start: () => new Probe({ id: 'quick' }) })
    expect(quick).toMatchObject({ isAlive: true })
    expect(supervisor.countChildren()).toMatchObject({ specs: 2, active: 1 })
    ready.resolve()
    await slow
    expect(supervisor.countChildren()).toMatchObject({ specs: 2, active: 2 })
  })

  test.each([
    ['permanent', 'normal', 2],
    ['permanent', 'killed', 2],
    ['transient', 'normal', 1],
    ['transient', 'killed', 2],
    ['temporary', 'killed', 1],
  ] as const)('restarts a %s child after %s: %d incarnations', async (restart, type, incarnations) => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const made: Probe[] = []
    const start = (): Probe => {
      const probe = new Probe()
      made.push(probe)
      return probe
    }
    await supervisor.startChild({ restart, start })
    if (type === 'killed') made[0]?.kill()
    else await made[0]?.stop({ type })
    await flushEventLoop()
    expect(made).toHaveLength(incarnations)
    expect(made.at(-1)?.generation).toBe(incarnations)
    expect(supervisor.countChildren().active).toBe(made.filter((probe) => probe.isAlive).length)
  })

  test('gives up after too many restarts, stops the rest and ends with shutdown', async () => {
    const { services, events } = recordingServices()
    const supervisor = await new DynamicSupervisor({ maxRestarts: 2 }).start(services)
    const other = new Probe({ id: 'other' })
    await supervisor.startChild({ start: () => other })
    await supervisor.startChild({ id: 'crashing', start: () => new Probe() })
    for (let crash = 0; crash < 3; crash++) {
      supervisor
        .whichChildren()
        .find(({ id }) => id === 'crashing')
        ?.actor?.kill()
      await flushEventLoop()
    }
    expect(supervisor.exitReason).toMatchObject({ type: 'shutdown', detail: { code: 'restart-limit' } })
    expect(other.exitReason).toEqual({ type: 'shutdown' })
    expect(events).toContainEqual(expect.objectContaining({ type: 'restart-limit', childId: 'crashing' }))
  })

  test('counts tries to restart a child that does not start', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    let starts = 0
    const child = await supervisor.startChild({
      start: () => {
        if (++starts > 1) throw new Error('no')
        return new Probe()
      },
    })
    if (child !== IGNORE) child.kill()
    await flushEventLoop()
    expect(starts).toBe(4)
    expect(supervisor.exitReason).toMatchObject({ type: 'shutdown', detail: { code: 'restart-limit' } })
  })

  test('keeps a child that crashes in the moment it is up, however its start was made', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    let made = 0
    class Doomed extends Probe {
      protected override async init(context: ActorContext<Work>): Promise<void> {
        await null
        context.cast(context.self, () => {
          throw new Error('doomed')
        })
      }
    }
    await supervisor.startChild({
      start: async () => {
        made++
        return new Doomed()
      },
    })
    await flushEventLoop()
    expect(made).toBe(4)
    expect(supervisor.exitReason).toMatchObject({ type: 'shutdown', detail: { code: 'restart-limit' } })
  })

  test('stops all children at once, each within its own grace', async () => {
    const { services, clock } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const probes = [1_000, 2_000, 3_000].map((shutdownMs) => ({ shutdownMs, probe: new Probe() }))
    for (const { probe, shutdownMs } of probes) {
      probe.whenStopped = () => new Promise(() => {})
      await supervisor.startChild({ shutdownMs, start: () => probe })
    }
    const stopped = supervisor.stop()
    await clock.advance(2_000)
    expect(probes.map(({ probe }) => probe.isAlive)).toEqual([false, false, true])
    await clock.advance(1_000)
    expect(await stopped).toEqual({ type: 'shutdown' })
  })

  test('stops while children start and restart, and leaves nothing running', async () => {
    const { services, clock } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const never = new (class extends Probe {
      protected override init(): Promise<void> {
        return new Promise(() => {})
      }
    })()
    const starting = expect(supervisor.startChild({ start: () => never })).rejects.toMatchObject({ cause: { code: 'actor-stopped' } })
    const crashing = await supervisor.startChild({ start: () => new Probe() })
    if (crashing !== IGNORE) crashing.kill()
    await supervisor.stop()
    await starting
    expect(never.isAlive).toBe(false)
    expect(supervisor.countChildren().specs).toBe(0)
    expect(clock.pendingTimers).toBe(0)
    await expect(supervisor.startChild({ start: () => new Probe() })).rejects.toMatchObject({ code: 'actor-not-running' })
  })

  test('takes no more children than it may have', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor({ maxChildren: 1 }).start(services)
    const one = await supervisor.startChild({ start: () => new Probe() })
    await expect(supervisor.startChild({ start: () => new Probe() })).rejects.toMatchObject({ code: 'max-children', isRetryable: true })
    if (one !== IGNORE) await supervisor.terminateChild(one)
    await supervisor.startChild({ start: () => new Probe() })
  })

  test('terminates only its own children, and does not start them again', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const stranger = await new Probe({ id: 'stranger' }).start(services)
    await expect(supervisor.terminateChild(stranger)).rejects.toMatchObject({ code: 'child-not-found' })
    const own = await supervisor.startChild({ start: () => new Probe() })
    if (own === IGNORE) throw new Error('ignored')
    await supervisor.terminateChild(own)
    await flushEventLoop()
    expect(own.exitReason).toEqual({ type: 'shutdown' })
    expect(supervisor.countChildren().specs).toBe(0)
    await expect(supervisor.terminateChild(own)).rejects.toMatchObject({ code: 'child-not-found' })
  })

  test('does not take a former incarnation for the present one', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const first = await supervisor.startChild({ start: () => new Probe() })
    if (first === IGNORE) throw new Error('ignored')
    first.kill()
    await flushEventLoop()
    await expect(supervisor.terminateChild(first)).rejects.toMatchObject({ code: 'child-not-found' })
    expect(supervisor.countChildren().active).toBe(1)
  })

  test('keeps nothing of a child whose start fails or has nothing to run', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    await expect(
      supervisor.startChild({
        start: () => {
          throw new Error('no')
        },
      }),
    ).rejects.toMatchObject({ code: 'child-start-failed', cause: { message: 'no' } })
    const ignoring = new (class extends Probe {
      protected override init(): typeof IGNORE {
        return IGNORE
      }
    })()
    expect(await supervisor.startChild({ start: () => ignoring })).toBe(IGNORE)
    expect(supervisor.countChildren().specs).toBe(0)
  })

  test('refuses a spec that is wrong, and stays as it is', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    for (const [spec, code] of [
      [undefined, 'child-spec-not-object'],
      [{}, 'child-spec-start'],
      [{ start: 1 }, 'child-spec-start'],
      [{ start: () => new Probe(), restart: 'sometimes' }, 'child-spec-restart'],
      [{ start: () => new Probe(), shutdownMs: Number.NaN }, 'child-spec-shutdown'],
      [{ start: () => new Probe(), id: '' }, 'child-spec-id'],
      [{ start: () => new Probe(), id: 'x'.repeat(10_000) }, 'child-spec-id'],
      [{ start: () => new Probe(), type: 'thing' }, 'child-spec-type'],
      [{ start: () => new Probe(), startTimeoutMs: 0 }, 'child-spec-start-timeout'],
    ] as const) {
      await expect(supervisor.startChild(spec as never)).rejects.toMatchObject({ code })
    }
    expect(supervisor.isAlive).toBe(true)
  })

  test('shares the event loop fairly: one child with a thousand messages does not make its sibling wait for all of them', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const a = await supervisor.startChild({ start: () => new Probe() })
    const b = await supervisor.startChild({ start: () => new Probe() })
    if (a === IGNORE || b === IGNORE) throw new Error('ignored')
    let handled = 0
    for (let index = 0; index < 1_000; index++) a.cast(() => handled++)
    expect(await b.call(() => handled)).toBe(256)
  })

  test('restarts ten thousand children that crash at once, each registered again', async () => {
    const { services } = recordingServices()
    const registry = new Registry<number>()
    class Registered extends Probe {
      readonly #key: number
      constructor(key: number) {
        super()
        this.#key = key
      }
      protected override init(): void {
        registry.register(this.#key, this)
      }
    }
    const supervisor = await new DynamicSupervisor({ maxRestarts: 10_000 }).start(services)
    for (let key = 0; key < 10_000; key++) await supervisor.startChild({ start: () => new Registered(key) })
    for (const { actor } of registry.select()) actor.kill()
    expect(registry.size).toBe(0)
    await flushEventLoop()
    while (supervisor.inspect().mailboxLength > 0) await flushEventLoop()
    expect(registry.size).toBe(10_000)
    expect(registry.select(({ actor }) => actor.generation === 2)).toHaveLength(10_000)
  })
})

describe('ensuring a child', () => {
  function counted() {
    const made: Probe[] = []
    const spec = {
      id: 'one',
      start: (): Probe => {
        const probe = new Probe({ id: 'one' })
        made.push(probe)
        return probe
      },
    }
    return { made, spec }
  }

  test('starts it once, however many ask at once, and answers them in the order they asked', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const { made, spec } = counted()
    const order: number[] = []
    const answers = await Promise.all([1, 2, 3].map((asker) => supervisor.ensureChild(spec).finally(() => order.push(asker))))
    expect(made).toHaveLength(1)
    expect(new Set(answers)).toEqual(new Set(made))
    expect(order).toEqual([1, 2, 3])
    expect(await supervisor.ensureChild(spec)).toBe(made[0])
  })

  test('waits for the next incarnation of one that has crashed', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const { made, spec } = counted()
    await supervisor.ensureChild(spec)
    made[0]?.kill()
    expect(await supervisor.ensureChild(spec)).toBe(made[1])
    expect(made).toHaveLength(2)
  })

  test('starts a new one when the old one is done', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    const { made, spec } = counted()
    await supervisor.ensureChild({ ...spec, restart: 'transient' })
    await made[0]?.stop()
    expect(await supervisor.ensureChild({ ...spec, restart: 'transient' })).toBe(made[1])
  })

  test('fails for all who ask when it does not start, and can be tried again', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor().start(services)
    let isReady = false
    const spec = {
      id: 'one',
      start: async (): Promise<Probe> => {
        if (!isReady) throw new Error('not yet')
        return new Probe()
      },
    }
    const outcomes = await Promise.allSettled([supervisor.ensureChild(spec), supervisor.ensureChild(spec)])
    expect(outcomes).toMatchObject(
      Array(2).fill({ status: 'rejected', reason: { code: 'child-start-failed', cause: { message: 'not yet' } } }),
    )
    isReady = true
    expect(await supervisor.ensureChild(spec)).toMatchObject({ isAlive: true })
  })

  test('fails for those who wait when the supervisor gives up', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor({ maxRestarts: 0 }).start(services)
    const { made, spec } = counted()
    await supervisor.ensureChild(spec)
    made[0]?.kill()
    await expect(supervisor.ensureChild(spec)).rejects.toMatchObject({ code: 'actor-stopped' })
  })
})

describe('a restart that fails', () => {
  test('is not tried again for a child that was terminated meanwhile', async () => {
    const { services } = recordingServices()
    const supervisor = await new DynamicSupervisor({ maxRestarts: 100 }).start(services)
    const held = gate<Probe>()
    let starts = 0
    const start = (): Probe | Promise<Probe> => (starts++ === 0 ? new Probe({ id: 'one' }) : held.promise)
    const child = await supervisor.startChild({ start })
    if (child === IGNORE) throw new Error('ignored')
    child.kill()
    await flushEventLoop()
    expect(starts).toBe(2)
    const terminated = supervisor.terminateChild(child)
    held.reject(new Error('it cannot be made'))
    await terminated
    await flushEventLoop()
    expect([starts, supervisor.countChildren().specs]).toEqual([2, 0])
  })
})
