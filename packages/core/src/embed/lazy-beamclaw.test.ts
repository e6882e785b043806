import { flushEventLoop } from '@beamclaw/actor/testing'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { defineAgent } from '../agent/agent.ts'
import { BeamClawError } from '../base/errors.ts'
import { BeamClaw } from '../beamclaw.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { Store } from '../ports/store.ts'
import { RunningBeamClaw } from '../running-beamclaw.ts'
import { heldStore } from '../testing/held-store.ts'
import { ScriptedProvider } from '../testing/scripted-provider.ts'
import type { MakeBeamClaw } from './embedded-instance.ts'
import { type LazyBeamClaw, lazyBeamClaw } from './lazy-beamclaw.ts'

const claw = (system: string, store: Store = new MemoryStore()): BeamClaw =>
  new BeamClaw({
    providers: { own: new ScriptedProvider({ otherwise: 'yes' }) },
    agents: [defineAgent({ id: 'main', model: 'own/model', system })],
    store,
  })

let names = 0
const freshName = (): string => `lazy-beamclaw-test-${++names}`

/** A lazy BeamClaw that is stopped at the end of the test. */
function lazy(make: MakeBeamClaw, name = freshName()): LazyBeamClaw {
  const instance = lazyBeamClaw(name, make)
  onTestFinished(() => instance.stop())
  return instance
}

/** A store that says when it was stopped. */
class WatchedStore extends MemoryStore {
  isStopped = false

  override async stop(): Promise<void> {
    await super.stop()
    this.isStopped = true
  }
}

const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error) => (BeamClawError.isInstance(error) ? error.code : String(error)),
  )

describe('lazyBeamClaw', () => {
  test('makes nothing before its first use, and one tree however many ask at once', async () => {
    const make = vi.fn(() => claw('one'))
    const instance = lazy(make)
    expect(make).not.toHaveBeenCalled()
    const trees = await Promise.all(Array.from({ length: 10 }, () => instance.get()))
    expect(new Set(trees).size).toBe(1)
    expect(await instance.get()).toBe(trees[0])
    expect(make).toHaveBeenCalledTimes(1)
  })

  test('ends the store of a start that has failed, and starts with the next one', async () => {
    const stores = [new WatchedStore(), new WatchedStore()] as const
    stores[0].openLog = () => Promise.reject(new BeamClawError('store-locked', 'another process has the store'))
    let made = 0
    const instance = lazy(() => claw('one', stores[Math.min(made++, 1)]))
    expect(await codeOf(instance.get())).toBe('store-locked')
    expect(stores[0].isStopped).toBe(true)
    expect((await instance.get()).isRunning).toBe(true)
    expect(stores[1].isStopped).toBe(false)
  })

  test('is one in the process for each name, also for a second copy of the module', async () => {
    const name = freshName()
    const first = lazy(() => claw('one'), name)
    vi.resetModules()
    const copy = await import('./lazy-beamclaw.ts')
    expect(copy.lazyBeamClaw).not.toBe(lazyBeamClaw)
    const second = copy.lazyBeamClaw(name, () => claw('one'))
    const other = lazy(() => claw('one'))
    expect(await second.get()).toBe(await first.get())
    expect(await other.get()).not.toBe(await first.get())
  })

  test('tries a start that failed again at the next call', async () => {
    const make = vi.fn(() => claw('one'))
    make.mockImplementationOnce(() => {
      throw new Error('no key')
    })
    const instance = lazy(make)
    expect(await codeOf(instance.get())).toBe('Error: no key')
    expect((await instance.get()).isRunning).toBe(true)
  })

  test('starts a tree that has ended again, once the store of the one before is stopped', async () => {
    const stores: WatchedStore[] = []
    const instance = lazy(() => {
      for (const store of stores) expect(store.isStopped).toBe(true)
      const store = new WatchedStore()
      stores.push(store)
      return claw('one', store)
    })
    const first = await instance.get()
    first.kill()
    await first.ended
    const second = await instance.get()
    expect(second).not.toBe(first)
    expect(second.isRunning).toBe(true)
    expect(stores).toHaveLength(2)
  })

  test('refuses what is no name, no function and no BeamClaw', async () => {
    expect(() => lazyBeamClaw('', () => claw('one'))).toThrow('option "name"')
    expect(() => lazyBeamClaw(freshName(), 1 as never)).toThrow('option "make"')
    expect(await codeOf(lazy(() => ({}) as never).get())).toBe('invalid-option')
    expect(await codeOf(lazy(async () => claw('one').start() as never).get())).toBe('invalid-option')
  })
})

describe('a module that is evaluated again', () => {
  test('gives what runs its agents, and a conversation goes on', async () => {
    const name = freshName()
    const before = await lazy(() => claw('be brief'), name).get()
    await before.session('agent:main:a').send('hello').result()
    const after = await lazyBeamClaw(name, () => claw('be long')).get()
    expect(after).toBe(before)
    expect(after.agents[0]?.system).toBe('be long')
    await after.session('agent:main:a').send('hello again').result()
    expect((await after.session('agent:main:a').history()).total).toBe(4)
  })

  test('while the tree starts, is taken by whoever asks from then on', async () => {
    const name = freshName()
    const mayMake = Promise.withResolvers<void>()
    const first = lazy(async () => {
      await mayMake.promise
      return claw('old')
    }, name).get()
    const second = lazyBeamClaw(name, () => claw('new')).get()
    mayMake.resolve()
    expect(await first).toBe(await second)
    expect((await second).agents[0]?.system).toBe('new')
  })

  test('does not wait for a make of before that hangs', async () => {
    const name = freshName()
    void lazy(() => new Promise<BeamClaw>(() => {}), name).get()
    // It has called the make that hangs.
    await flushEventLoop()
    const running = await lazyBeamClaw(name, () => claw('new')).get()
    expect(running.agents[0]?.system).toBe('new')
  })

  test('with a mistake in it rejects until it is mended; what runs keeps its agents', async () => {
    const name = freshName()
    const instance = lazy(() => claw('good'), name)
    const running = await instance.get()
    lazyBeamClaw(name, () => {
      throw new Error('a slip')
    })
    expect(await codeOf(instance.get())).toBe('Error: a slip')
    expect(running.isRunning).toBe(true)
    expect(running.agents[0]?.system).toBe('good')
    expect(await lazyBeamClaw(name, () => claw('mended')).get()).toBe(running)
    expect(running.agents[0]?.system).toBe('mended')
  })
})

describe('stop', () => {
  test('lets nothing start again, until the module is evaluated anew', async () => {
    const name = freshName()
    const instance = lazy(() => claw('one'), name)
    const first = await instance.get()
    await instance.stop()
    expect(first.isRunning).toBe(false)
    expect(await codeOf(instance.get())).toBe('actor-not-running')
    const again = await lazyBeamClaw(name, () => claw('one')).get()
    expect(again.isRunning).toBe(true)
    expect(await instance.get()).toBe(again)
  })

  test('stops a start that is under way', async () => {
    const store = new WatchedStore()
    const instance = lazy(() => claw('one', store))
    const asked = codeOf(instance.get())
    await Promise.resolve()
    await instance.stop()
    expect(await asked).toBe('actor-not-running')
  })

  test('resolves only once the store of a tree that has ended by itself is released', async () => {
    const mayRelease = Promise.withResolvers<void>()
    const order: string[] = []
    class SlowStore extends MemoryStore {
      override async stop(): Promise<void> {
        await mayRelease.promise
        await super.stop()
        order.push('released')
      }
    }
    const instance = lazy(() => claw('one', new SlowStore()))
    const tree = await instance.get()
    tree.kill()
    await tree.ended
    const again = codeOf(instance.get())
    await flushEventLoop()
    const stopped = instance.stop().then(() => order.push('stopped'))
    await flushEventLoop()
    expect(order).toEqual([])
    mayRelease.resolve()
    await stopped
    expect(order).toEqual(['released', 'stopped'])
    expect(await again).toBe('actor-not-running')
  })

  test('does not wait for a make that hangs', async () => {
    const instance = lazy(() => new Promise<BeamClaw>(() => {}))
    void instance.get()
    await instance.stop()
  })
})

describe('in a build step', () => {
  afterEach(() => vi.unstubAllEnvs())

  test('rejects and starts nothing', async () => {
    vi.stubEnv('NEXT_PHASE', 'phase-production-build')
    const make = vi.fn(() => claw('one'))
    const instance = lazy(make)
    const error: unknown = await instance.get().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'actor-not-running', details: { reason: 'build-step' } })
    expect((error as Error).message).toContain('route handler')
    expect(make).not.toHaveBeenCalled()
  })

  test('is over once the server starts', async () => {
    vi.stubEnv('NEXT_PHASE', 'phase-production-server')
    expect((await lazy(() => claw('one')).get()).isRunning).toBe(true)
  })
})

test('a stop during a start that fails ends once the store is released: the next start finds it free', async () => {
  const [opening, releasing] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const store = new WatchedStore()
  store.openLog = async () => {
    opening.resolve()
    await releasing.promise
    throw new BeamClawError('store-io', 'the disk is gone')
  }
  const { stop } = store
  store.stop = async () => {
    await flushEventLoop()
    await stop.call(store)
  }
  const instance = lazyBeamClaw(freshName(), () => claw('one', store))
  const got = codeOf(instance.get())
  await opening.promise
  const stopped = instance.stop()
  releasing.resolve()
  await stopped
  expect([store.isStopped, await got]).toEqual([true, 'store-io'])
})

describe('the stop of a lazy BeamClaw over a store that hangs', () => {
  test.each(['openLog', 'close'] as const)('ends in time: %s', async (method) => {
    const held = heldStore()
    const instance = lazyBeamClaw(freshName(), () => claw('one', held.store))
    if (method === 'close') await instance.get()
    held.hold(method, 'activity')
    const got = instance.get().catch((error: unknown) => error)
    if (method === 'openLog') await held.isHeld
    await expect(instance.stop({ timeoutMs: 30 })).rejects.toMatchObject({ code: 'stop-timeout' })
    held.release()
    const running = await got
    await expect(instance.get()).rejects.toMatchObject({ code: 'actor-not-running' })
    // A tree that comes up after all is stopped.
    if (running instanceof RunningBeamClaw) await running.ended
  })

  test.each(['openLog', 'close'] as const)('ends with the shorter limit of two calls: %s', async (method) => {
    const held = heldStore()
    const instance = lazyBeamClaw(freshName(), () => claw('one', held.store))
    if (method === 'close') await instance.get()
    held.hold(method, 'activity')
    instance.get().catch(() => {})
    if (method === 'openLog') await held.isHeld
    const first = instance.stop({ timeoutMs: Number.POSITIVE_INFINITY })
    first.catch(() => {})
    await expect(instance.stop({ timeoutMs: 30 })).rejects.toMatchObject({ code: 'stop-timeout', details: { timeoutMs: 30 } })
    held.release()
    await first.catch(() => {})
  })

  test('ends in time, though it is that of a tree that has ended by itself', async () => {
    const held = heldStore()
    const instance = lazyBeamClaw(freshName(), () => claw('one', held.store))
    const tree = await instance.get()
    held.hold('close', 'activity')
    const closing = tree.stop({ timeoutMs: Number.POSITIVE_INFINITY })
    await held.isHeld
    tree.kill()
    await tree.ended
    instance.get().catch(() => {})
    await flushEventLoop()
    await expect(instance.stop({ timeoutMs: 30 })).rejects.toMatchObject({ code: 'stop-timeout', details: { timeoutMs: 30 } })
    held.release()
    await closing.catch(() => {})
  })

  test('refuses a limit that is none', async () => {
    const instance = lazy(() => claw('one'))
    await expect(instance.stop({ timeoutMs: 'soon' as never })).rejects.toMatchObject({ code: 'invalid-option' })
  })
})
