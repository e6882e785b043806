import { describe, expect, test } from 'vitest'
import type { ExitNotice } from '../base/exit-reason.ts'
import { silentLogger } from '../defaults/console-logger.ts'
import type { SystemServices } from '../defaults/services.ts'
import { flushEventLoop, ManualClock } from '../testing/manual-clock.ts'
import { gate, Probe } from '../testing/probe.ts'
import { recordingServices } from '../testing/tree.ts'
import type { ActorOptions } from './actor-options.ts'
import type { ActorContext } from './actor-ref.ts'

/** A probe whose other hooks can be replaced, and which notes the hooks that run. */
class Noting extends Probe {
  readonly hooks: string[] = []
  whenInit: () => void | Promise<void> = () => {}
  whenPassivated: () => void | Promise<void> = () => {}
  whenActivated: () => void | Promise<void> = () => {}

  constructor(options: ActorOptions = {}) {
    super(options)
  }

  protected override async init(): Promise<void> {
    await this.whenInit()
  }

  protected override onPassivate(): void | Promise<void> {
    this.hooks.push('onPassivate')
    return this.whenPassivated()
  }

  protected override onActivate(): void | Promise<void> {
    this.hooks.push('onActivate')
    return this.whenActivated()
  }
}

function world(): { readonly clock: ManualClock; readonly services: Partial<SystemServices> } {
  const clock = new ManualClock()
  return { clock, services: { clock, logger: silentLogger } }
}

describe('dead stays dead', () => {
  test('when a handler outlives its grace and then throws the reason it was told to stop', async () => {
    const { clock, services, events } = recordingServices()
    const probe = await new Probe().start(services)
    const notices: ExitNotice[] = []
    probe.monitor((notice) => notices.push(notice))
    const late = gate()
    probe.cast(async (context: ActorContext) => {
      await late.promise
      context.signal.throwIfAborted()
    })
    probe.cast(({ signal }: ActorContext) => signal)
    await flushEventLoop()
    const stopped = probe.stop({ type: 'shutdown' }, { timeoutMs: 50 })
    await clock.advance(50)
    expect(await stopped).toEqual({ type: 'killed' })
    late.resolve()
    await flushEventLoop()
    expect(probe).toMatchObject({ isAlive: false, stopped: undefined, exitReason: { type: 'killed' } })
    expect(notices).toHaveLength(1)
    expect(events.filter(({ type }) => type === 'actor-exit')).toHaveLength(1)
  })

  test.each(['whenPassivated', 'whenActivated'] as const)('when it is killed inside %s', async (hook) => {
    const { clock, services } = world()
    const actor = new Noting({ passivateAfterMs: 10 })
    await actor.start(services)
    actor[hook] = () => actor.kill()
    await clock.advance(25)
    if (hook === 'whenActivated') actor.cast(() => {})
    await flushEventLoop()
    expect(actor).toMatchObject({ isAlive: false, exitReason: { type: 'killed' } })
    expect(() => actor.cast(() => {})).toThrow(expect.objectContaining({ code: 'actor-not-running' }))
    expect(actor.inspect().state).toBe('dead')
  })
})

describe('a start', () => {
  test('settles at once when the actor is killed, told to stop in vain, or crashes while init hangs', async () => {
    const { clock, services } = world()
    const hanging = (): Noting => {
      const actor = new Noting()
      actor.whenInit = () => new Promise(() => {})
      return actor
    }
    const killed = hanging()
    const start = killed.start(services)
    killed.kill()
    await expect(start).rejects.toMatchObject({ code: 'actor-killed' })

    const stopped = hanging()
    const second = expect(stopped.start(services)).rejects.toMatchObject({ code: 'actor-killed' })
    void stopped.stop({ type: 'shutdown' }, { timeoutMs: 20 })
    await clock.advance(20)
    await second
  })

  test('of an actor that stands alone is given up after startTimeoutMs, 30 s by default', async () => {
    const { clock, services } = world()
    for (const [options, ms] of [
      [{ startTimeoutMs: 40 }, 40],
      [undefined, 30_000],
    ] as const) {
      const actor = new Noting()
      actor.whenInit = () => new Promise(() => {})
      const failed = expect(actor.start(services, options)).rejects.toMatchObject({ code: 'actor-start-timeout' })
      await clock.advance(ms - 1)
      expect(actor.inspect().state).toBe('starting')
      await clock.advance(1)
      await failed
      expect(actor.exitReason).toEqual({ type: 'killed' })
    }
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('the control lane', () => {
  test('waits until an async init is done', async () => {
    const { services } = world()
    const ready = gate()
    const actor = new Noting()
    actor.whenInit = () => ready.promise
    const start = actor.start(services)
    const seen: string[] = []
    actor.cast(() => seen.push('control'), { lane: 'control' })
    await flushEventLoop()
    expect(seen).toEqual([])
    ready.resolve()
    await start
    await flushEventLoop()
    expect(seen).toEqual(['control'])
  })

  test('gets a sleeping actor up first', async () => {
    const { clock, services } = world()
    const actor = new Noting({ passivateAfterMs: 10 })
    await actor.start(services)
    await clock.advance(25)
    expect(actor.inspect().state).toBe('passive')
    expect(await actor.call(() => [...actor.hooks], { lane: 'control' })).toEqual(['onPassivate', 'onActivate'])
  })

  test('may rethrow the stop signal: that ends the control message, not the one in hand', async () => {
    const { services } = world()
    const actor = await new Noting().start(services)
    const order: string[] = []
    const finish = gate()
    actor.whenStopped = () => void order.push('onStop')
    const inHand = actor.call(async () => {
      await finish.promise
      order.push('handled')
      return 'done'
    })
    const control = actor.call(
      ({ signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      { lane: 'control' },
    )
    await flushEventLoop()
    const refused = expect(control).rejects.toMatchObject({ code: 'actor-stopped' })
    const stopped = actor.stop()
    await refused
    finish.resolve()
    expect(await inHand).toBe('done')
    expect(await stopped).toEqual({ type: 'shutdown' })
    expect(order).toEqual(['handled', 'onStop'])
  })

  test('rejects the caller whose message crashes the actor', async () => {
    const actor = await new Probe().start(world().services)
    const call = actor.call(
      () => {
        throw new Error('boom')
      },
      { lane: 'control' },
    )
    await expect(call).rejects.toMatchObject({ code: 'actor-crashed' })
  })
})

describe('a stop', () => {
  test('that the actor awaits inside its own handler does not wait for itself', async () => {
    const { clock, services } = world()
    const actor = await new Probe().start(services)
    const reply = await actor.call(async () => (await actor.stop()).type)
    await flushEventLoop()
    expect(reply).toBe('shutdown')
    expect(actor.exitReason).toEqual({ type: 'shutdown' })
    expect(clock.monotonic()).toBe(0)
  })

  test('is bounded by the shortest of all graces that were given', async () => {
    for (const graces of [
      [10_000, 50],
      [50, 10_000],
    ]) {
      const { clock, services } = world()
      const actor = await new Probe().start(services)
      actor.whenStopped = () => new Promise(() => {})
      const stops = graces.map((timeoutMs) => actor.stop({ type: 'shutdown' }, { timeoutMs }))
      await clock.advance(49)
      expect(actor.isAlive).toBe(true)
      await clock.advance(1)
      expect(await Promise.all(stops)).toEqual([{ type: 'killed' }, { type: 'killed' }])
      expect(clock.pendingTimers).toBe(0)
    }
  })

  test('refuses what comes while the message in hand finishes', async () => {
    const actor = await new Probe().start(world().services)
    const finish = gate()
    actor.cast(() => finish.promise)
    await flushEventLoop()
    const stopped = actor.stop()
    expect(() => actor.cast(() => {})).toThrow(expect.objectContaining({ code: 'actor-not-running' }))
    await expect(actor.call(() => {})).rejects.toMatchObject({ code: 'actor-not-running' })
    finish.resolve()
    await stopped
  })
})

describe('a monitor that is set before the start', () => {
  test('hears how the actor ends', async () => {
    const actor = new Probe()
    const notices: ExitNotice[] = []
    actor.monitor((notice) => notices.push(notice))
    await actor.start(world().services)
    await flushEventLoop()
    expect(notices).toEqual([])
    await actor.stop()
    expect(notices).toMatchObject([{ reason: { type: 'shutdown' } }])
  })

  test('hears of one that is killed without ever being started', () => {
    const actor = new Probe()
    const notices: ExitNotice[] = []
    actor.monitor((notice) => notices.push(notice))
    actor.kill()
    expect(notices).toMatchObject([{ reason: { type: 'killed' } }])
  })
})

describe('options of call, cast, stop and start', () => {
  test.each<[string, (actor: Probe) => unknown, RegExp]>([
    ['call', (actor) => actor.call(() => {}, { timeout: 5 } as never), /call: unknown option "timeout"; did you mean "timeoutMs"/],
    ['call', (actor) => actor.call(() => {}, { lane: 'controll' as never }), /"lane" must be one of "work", "control"/],
    ['call', (actor) => actor.call(() => {}, { timeoutMs: Number.NaN }), /"timeoutMs" must be milliseconds of at least 0, or Infinity/],
    ['cast', async (actor) => actor.cast(() => {}, { lane: 'Control' as never }), /"lane" must be one of/],
    ['stop', (actor) => actor.stop(undefined, { timeoutMS: 5 } as never), /did you mean "timeoutMs"/],
    ['start', () => new Probe().start({}, { timeoutMs: 5 } as never), /unknown option "timeoutMs"/],
  ])('of %s are checked', async (_what, act, message) => {
    const actor = await new Probe().start(world().services)
    await expect(act(actor)).rejects.toMatchObject({ code: 'invalid-option', message: expect.stringMatching(message) })
    expect(actor.isAlive).toBe(true)
  })
})

describe('an actor that ends long before it would fall asleep', () => {
  test('leaves nothing behind in the queue of the idle', async () => {
    const { clock, services } = world()
    const actor = await new Noting({ passivateAfterMs: 10_000_000 }).start(services)
    await actor.call(() => {})
    await flushEventLoop()
    expect(clock.pendingTimers).toBe(1)
    await actor.stop()
    expect(clock.pendingTimers).toBe(0)
  })
})
