import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import type { ExitNotice } from '../base/exit-reason.ts'
import { silentLogger } from '../defaults/console-logger.ts'
import { flushEventLoop, ManualClock } from '../testing/manual-clock.ts'
import { gate, Probe } from '../testing/probe.ts'
import type { ActorContext } from './actor-ref.ts'
import { IGNORE } from './internals.ts'

async function started(clock = new ManualClock()): Promise<Probe> {
  return new Probe().start({ clock, logger: silentLogger })
}

describe('an actor that crashes', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('boom')
      },
    ],
    ['rejects', () => Promise.reject(new Error('boom'))],
  ])('because a handler %s fails its caller and everybody who waits, each with the cause', async (_how, work) => {
    const probe = await started()
    const calls = [probe.call(work), probe.call(() => 1), probe.call(() => 2)]
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'actor-crashed', cause: { message: 'boom' } } })
    }
    expect(probe.exitReason).toMatchObject({ type: 'crashed', cause: { message: 'boom' } })
    expect(probe.stopped).toBeUndefined()
  })

  test('takes even a thrown undefined for what it is', async () => {
    const probe = await started()
    await expect(probe.call(() => Promise.reject())).rejects.toMatchObject({ code: 'actor-crashed' })
    expect(probe.exitReason?.type).toBe('crashed')
  })

  test.each(['work', 'control'] as const)('before a handler of the %s lane rejects, leaves that rejection to nobody', async (lane) => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    try {
      const probe = await started()
      const late = gate()
      const work = async (): Promise<void> => {
        probe.kill()
        await late.promise
      }
      const call = probe.call(work, { lane })
      await expect(call).rejects.toMatchObject({ code: 'actor-killed' })
      late.reject(new Error('too late'))
      await new Promise((resolve) => setImmediate(resolve))
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
    }
  })

  test('because a control handler throws, ends the message in hand too', async () => {
    const probe = await started()
    const inHand = probe.call(() => new Promise(() => {}))
    const failed = expect(inHand).rejects.toMatchObject({ code: 'actor-crashed' })
    await flushEventLoop()
    probe.cast(
      () => {
        throw new Error('boom')
      },
      { lane: 'control' },
    )
    await failed
  })
})

describe('an actor that watches others', () => {
  /** Knows how many watch it. */
  class Watched extends Probe {
    watchers = 0

    override monitor(onExit: (notice: ExitNotice) => void): () => void {
      const cancel = super.monitor(onExit)
      this.watchers++
      return () => {
        this.watchers--
        cancel()
      }
    }
  }

  test.each([
    ['stops', (probe: Probe) => probe.stop()],
    ['is killed', (probe: Probe) => probe.kill()],
    ['crashes', (probe: Probe) => probe.cast(() => Promise.reject(new Error('boom')))],
  ])('and %s leaves no monitor with them, which would keep it in memory', async (_how, end) => {
    const target = await new Watched({ id: 'watched' }).start({ logger: silentLogger })
    const probe = await started()
    await probe.call((context) => {
      context.monitor(target)
      context.monitor(target)
    })
    expect(target.watchers).toBe(2)
    await end(probe)
    await flushEventLoop()
    expect([probe.isAlive, target.watchers]).toEqual([false, 0])
  })
})

test.each([[undefined], [5], [{}]])('monitor(%s) is refused at once, and not when the actor ends', async (onExit) => {
  const probe = await started()
  expect(() => probe.monitor(onExit as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
})

describe('an actor whose init', () => {
  class Starting extends Probe {
    readonly #init: (context: ActorContext) => void | typeof IGNORE | Promise<void | typeof IGNORE>

    constructor(init: (context: ActorContext) => void | typeof IGNORE | Promise<void | typeof IGNORE>) {
      super()
      this.#init = init
    }

    protected override init(context: ActorContext): void | typeof IGNORE | Promise<void | typeof IGNORE> {
      return this.#init(context)
    }
  }

  test.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('%s rejects its start with that, and those who wrote to it hear so', async (_how, init) => {
    const actor = new Starting(init)
    const start = actor.start({ logger: silentLogger })
    const early = actor.isAlive ? actor.call(() => 1) : Promise.reject(new BeamClawError('actor-crashed', ''))
    const outcomes = await Promise.allSettled([start, early])
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { message: 'no' } },
      { status: 'rejected', reason: { code: 'actor-crashed' } },
    ])
    expect(actor.isAlive).toBe(false)
  })

  test('answers IGNORE ends normally at once, and its start says that there is nothing to run', async () => {
    const actor = new Starting(() => IGNORE)
    await expect(actor.start({ logger: silentLogger })).rejects.toMatchObject({ code: 'actor-not-running' })
    expect(actor.exitReason).toEqual({ type: 'normal' })
  })

  test('is still under way when it is killed, rejects its start', async () => {
    const ready = gate()
    const actor = new Starting(() => ready.promise)
    const start = actor.start({ logger: silentLogger })
    actor.kill()
    ready.resolve()
    await expect(start).rejects.toMatchObject({ code: 'actor-killed' })
  })

  test('is still under way when it is stopped, stops as soon as it is up', async () => {
    const ready = gate()
    const actor = new Starting(() => ready.promise)
    const start = actor.start({ logger: silentLogger })
    const stop = actor.stop()
    ready.resolve()
    await start
    expect(await stop).toEqual({ type: 'shutdown' })
    expect(actor.stopped).toEqual({ type: 'shutdown' })
  })

  test('was run once cannot run again', async () => {
    const actor = await new Starting(() => undefined).start({ logger: silentLogger })
    await expect(actor.start()).rejects.toMatchObject({ code: 'actor-already-started' })
    await actor.stop()
    await expect(actor.start()).rejects.toMatchObject({ code: 'actor-already-started' })
  })
})

describe('an actor that is stopped', () => {
  test('finishes the message in hand, fails those that wait, tidies up, and ends with the reason', async () => {
    const probe = await started()
    const hold = gate<string>()
    const inHand = probe.call(() => hold.promise)
    const waiting = probe.call(() => 'never')
    const failed = expect(waiting).rejects.toMatchObject({ code: 'actor-stopped' })
    await flushEventLoop()
    const stop = probe.stop({ type: 'shutdown', detail: 'update' })
    hold.resolve('finished')
    expect(await inHand).toBe('finished')
    await failed
    expect(await stop).toEqual({ type: 'shutdown', detail: 'update' })
    expect(probe.stopped).toEqual({ type: 'shutdown', detail: 'update' })
  })

  test('takes no more work meanwhile, but control', async () => {
    const probe = await started()
    const tidying = gate()
    probe.whenStopped = () => tidying.promise
    const stop = probe.stop()
    await flushEventLoop()
    await expect(probe.call(() => 1)).rejects.toMatchObject({ code: 'actor-not-running' })
    expect(await probe.call(() => 'control', { lane: 'control' })).toBe('control')
    tidying.resolve()
    await stop
  })

  test('sees its signal aborted, and what it throws for that reason is no crash', async () => {
    const probe = await started()
    const inHand = probe.call(({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))))
    const failed = expect(inHand).rejects.toMatchObject({ code: 'actor-stopped' })
    await flushEventLoop()
    expect(await probe.stop()).toEqual({ type: 'shutdown' })
    await failed
    expect(probe.stopped).toEqual({ type: 'shutdown' })
  })

  test('is killed when its grace is over: what is left of it can compute, not act', async () => {
    const clock = new ManualClock()
    const probe = await started(clock)
    const other = await new Probe({ id: 'other' }).start({ logger: silentLogger })
    const hold = gate()
    const attempts: unknown[] = []
    const inHand = probe.call(
      async (context) => {
        await hold.promise
        for (const act of [
          () => context.cast(other, () => attempts.push('acted')),
          () => context.call(other, () => attempts.push('acted')),
          () => context.monitor(other),
          () => context.stop(),
          () => context.keepAwake(Promise.resolve()),
          () => context.waitUntil(Promise.resolve()),
        ]) {
          try {
            await act()
          } catch (error) {
            attempts.push((error as BeamClawError).code)
          }
        }
        return 'computed'
      },
      { timeoutMs: Number.POSITIVE_INFINITY },
    )
    const failed = expect(inHand).rejects.toMatchObject({ code: 'actor-killed' })
    await flushEventLoop()
    const stop = probe.stop()
    await clock.advance(5_000)
    expect(await stop).toEqual({ type: 'killed' })
    await failed
    hold.resolve()
    await flushEventLoop()
    expect(attempts).toEqual(Array(6).fill('actor-killed'))
  })

  test('waits, within its grace, for what it was told to wait for', async () => {
    const probe = await started()
    const background = gate()
    await probe.call((context) => context.waitUntil(background.promise))
    let isStopped = false
    const stop = probe.stop().then(() => {
      isStopped = true
    })
    await flushEventLoop()
    expect(isStopped).toBe(false)
    background.resolve()
    await stop
  })

  test('from within ends after the message in hand, normally', async () => {
    const probe = await started()
    const answer = probe.call((context) => {
      context.stop()
      return 'last words'
    })
    expect(await answer).toBe('last words')
    await flushEventLoop()
    expect(probe.exitReason).toEqual({ type: 'normal' })
  })

  test('twice, or when it is gone, answers with the reason it ended', async () => {
    const probe = await started()
    expect(await Promise.all([probe.stop(), probe.stop({ type: 'normal' })])).toEqual([{ type: 'shutdown' }, { type: 'shutdown' }])
    expect(await probe.stop()).toEqual({ type: 'shutdown' })
  })

  test('by leaving its block', async () => {
    let kept: Probe
    {
      await using probe = await started()
      kept = probe
    }
    expect(kept.exitReason).toEqual({ type: 'shutdown' })
  })

  test('whose onStop throws has crashed', async () => {
    const probe = await started()
    probe.whenStopped = () => Promise.reject(new Error('untidy'))
    expect(await probe.stop()).toMatchObject({ type: 'crashed', cause: { message: 'untidy' } })
  })
})

describe('whoever monitors an actor', () => {
  test.each([
    ['normal', async (probe: Probe) => void (await probe.stop({ type: 'normal' }))],
    ['shutdown', async (probe: Probe) => void (await probe.stop())],
    ['crashed', async (probe: Probe) => void (await probe.call(() => Promise.reject(new Error('x'))).catch(() => 0))],
    ['killed', async (probe: Probe) => probe.kill()],
  ])('hears of its end exactly once: %s', async (type, end) => {
    const probe = await started()
    const heard: ExitNotice[] = []
    probe.monitor((notice) => heard.push(notice))
    await end(probe)
    probe.kill()
    await probe.stop()
    await flushEventLoop()
    expect(heard).toMatchObject([{ id: 'probe', reason: { type } }])
  })

  test('too late hears noproc, once', async () => {
    const probe = await started()
    await probe.stop()
    const heard: ExitNotice[] = []
    probe.monitor((notice) => heard.push(notice))
    probe.monitor((notice) => heard.push(notice))()
    await flushEventLoop()
    expect(heard).toMatchObject([{ reason: { type: 'noproc' } }])
  })

  test('and stops to, hears nothing', async () => {
    const probe = await started()
    const heard: ExitNotice[] = []
    const stopWatching = probe.monitor((notice) => heard.push(notice))
    stopWatching()
    stopWatching()
    probe.kill()
    expect(heard).toEqual([])
  })

  test('and throws, keeps nobody else from hearing', async () => {
    const probe = await started()
    const heard: ExitNotice[] = []
    probe.monitor(() => {
      throw new Error('bad listener')
    })
    probe.monitor((notice) => heard.push(notice))
    probe.kill()
    expect(heard).toHaveLength(1)
  })

  test('as an actor hears through its own control lane, also while it is busy', async () => {
    const watcher = await started()
    const watched = await new Probe({ id: 'watched' }).start({ logger: silentLogger })
    await watcher.call((context) => context.monitor(watched))
    const hold = gate()
    watcher.cast(() => hold.promise)
    await flushEventLoop()
    watched.kill()
    await flushEventLoop()
    expect(watcher.exits).toMatchObject([{ id: 'watched', reason: { type: 'killed' } }])
    hold.resolve()
  })

  test('as an actor that is gone itself, hears nothing', async () => {
    const watcher = await started()
    const watched = await new Probe({ id: 'watched' }).start({ logger: silentLogger })
    await watcher.call((context) => context.monitor(watched))
    watcher.kill()
    watched.kill()
    await flushEventLoop()
    expect(watcher.exits).toEqual([])
  })
})
