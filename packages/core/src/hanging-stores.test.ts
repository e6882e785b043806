import { LocalEventBus, ResourceActor } from '@beamclaw/actor'
import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BeamClawError } from './base/errors.ts'
import type { RunEvent } from './base/events.ts'
import { MemoryStore } from './defaults/memory-store.ts'
import { SoloCluster } from './defaults/solo-cluster.ts'
import type { RunningBeamClaw } from './running-beamclaw.ts'
import { type HeldMethod, type HeldStore, heldStore } from './testing/held-store.ts'
import { FunctionModel, type Stage, stage } from './testing/model.ts'
import { TroubledStore } from './testing/troubled-store.ts'
import { defineTool } from './tool/tool.ts'

const key = 'agent:main:main'

/** Records what is published, also after the bus was stopped: a bus of a host may go on. */
class RecordingBus extends LocalEventBus<RunEvent> {
  readonly published: RunEvent[] = []

  override publish(topic: string, event: RunEvent): void {
    this.published.push(event)
    super.publish(topic, event)
  }
}

interface Scene {
  readonly set: Stage
  readonly held: HeldStore
  readonly bus: RecordingBus
  readonly told: string[]
  readonly toolStarts: () => number
}

/** The model asks for a tool first, then answers. */
async function scene(options: Parameters<typeof stage>[2] = {}): Promise<Scene> {
  const held = heldStore()
  const bus = new RecordingBus()
  let starts = 0
  const tool = defineTool({ name: 'act', description: 'acts', execute: () => `acted ${++starts}` })
  const model = new FunctionModel(({ messages }) =>
    messages.at(-1)?.role === 'user' ? { calls: [{ id: 'a', name: 'act' }] } : { text: 'done' },
  )
  const set = await stage(model, { tools: [tool] }, { store: held.store, events: bus, ...options })
  onTestFinished(() => {
    set.claw.kill()
    held.release()
  })
  const told: string[] = []
  set.claw.on('*', ({ type }) => void told.push(type))
  return { set, held, bus, told, toolStarts: () => starts }
}

/** Resolves with the error of a stop once its limit has passed. */
async function stopped({ set }: Scene, timeoutMs = 15_000): Promise<BeamClawError> {
  const outcome = set.claw.stop(timeoutMs === 15_000 ? {} : { timeoutMs }).catch((error: unknown) => error)
  await set.clock.advance(timeoutMs - 1)
  let isOver = false
  void outcome.then(() => {
    isOver = true
  })
  await flushEventLoop()
  expect(isOver).toBe(false)
  await set.clock.advance(1)
  const error = await outcome
  if (!BeamClawError.isInstance(error)) throw new Error(`not an error of ours: ${String(error)}`)
  return error
}

/** Releases what was held. Nothing may come of it. */
async function expectSilence({ set, held, bus, told, toolStarts }: Scene): Promise<void> {
  const before = { published: bus.published.length, told: told.length, starts: toolStarts(), asked: set.model.requests.length }
  held.release()
  await set.clock.advance(120_000)
  await flushEventLoop()
  expect({ published: bus.published.length, told: told.length, starts: toolStarts(), asked: set.model.requests.length }).toEqual(before)
}

/** Resolves with the answer of the next process over the same data. */
async function nextAnswer({ held, set }: Scene): Promise<string> {
  const next = await stage(set.model, { tools: [] }, { store: held.memory })
  onTestFinished(() => void next.claw.kill())
  return (await next.claw.session(key).send('again').result()).text
}

const ofTheList: [HeldMethod, string, string][] = [
  ['append', 'activity', 'append of default/activity'],
  ['close', 'activity', 'close of default/activity'],
  ['put', 'index', 'put of default/index'],
]

describe('a stop while the store hangs', () => {
  test.each(ofTheList)('ends in time and names the call: %s of %s', async (method, kind, name) => {
    const at = await scene()
    await at.set.claw.session(key).send('go').result()
    at.held.hold(method, kind)
    const error = await stopped(at)
    expect(error).toMatchObject({ code: 'stop-timeout', kind: 'timeout', details: { timeoutMs: 15_000, step: 'the tree' } })
    expect(error.message).toContain(name)
    expect(error.details.hanging).toContain('tenants/default/activity')
    expect(at.set.claw.isRunning).toBe(false)
    await at.set.claw.ended
    await expectSilence(at)
    expect(await nextAnswer(at)).toBe('done')
  })

  const ofSessions: [HeldMethod, (claw: RunningBeamClaw) => Promise<unknown>][] = [
    ['append', (claw) => claw.session(key).send('go').accepted],
    ['openLog', (claw) => claw.session(key).send('go').accepted],
    ['read', (claw) => claw.session(key).send('go').accepted],
    ['get', (claw) => claw.session(key).send('go').accepted],
    ['put', (claw) => claw.session(key).configure({ label: 'x' })],
  ]

  test.each(ofSessions)('acknowledges nothing: %s of a session', async (method, ask) => {
    const at = await scene()
    at.held.hold(method, 'sessions')
    const asked = ask(at.set.claw).then(
      () => 'acknowledged',
      (error: unknown) => (BeamClawError.isInstance(error) ? error.code : String(error)),
    )
    await at.held.isHeld
    const error = await stopped(at)
    const name = `${method} of default/sessions/main/main`
    expect(error).toMatchObject({ code: 'stop-timeout', details: { hanging: [expect.stringContaining(name)] } })
    expect(await asked).toMatch(/^(actor-|session-|run-|unknown-session)/)
    await expectSilence(at)
  })

  test('starts no tool whose intent becomes durable afterwards', async () => {
    const at = await scene()
    const { claw } = at.set
    const run = claw.session(key).send('go')
    await run.accepted
    const before = at.toolStarts()
    while (at.set.model.requests.length === 0) await flushEventLoop()
    at.held.hold('append', 'sessions')
    await at.held.isHeld
    expect(before).toBe(0)
    const lost = run.result().catch((error: unknown) => error)
    expect(await stopped(at, 1_000)).toMatchObject({ code: 'stop-timeout' })
    expect(await lost).toMatchObject({ code: 'run-interrupted' })
    await expectSilence(at)
    expect(at.toolStarts()).toBe(0)
  })

  test('names the session whose call hangs, when that is killed within its own grace', async () => {
    const at = await scene()
    at.held.hold('append', 'sessions')
    at.set.claw
      .session(key)
      .send('go')
      .accepted.catch(() => {})
    await at.held.isHeld
    const stop = at.set.claw.stop().catch((error: unknown) => error)
    await at.set.clock.advance(6_000)
    expect(at.set.claw.isRunning).toBe(false)
    await at.set.clock.advance(9_000)
    expect(await stop).toMatchObject({ code: 'stop-timeout', details: { step: 'the calls to the store' } })
  })

  test('resolves when the call comes back in time', async () => {
    const at = await scene()
    await at.set.claw.session(key).send('go').result()
    at.held.hold('close', 'activity')
    const stop = at.set.claw.stop()
    await at.set.clock.advance(14_000)
    at.held.release()
    await stop
  })

  test('names the store itself, and stops the rest', async () => {
    const at = await scene()
    at.held.hold('stop')
    const error = await stopped(at, 200)
    expect(error).toMatchObject({ code: 'stop-timeout', details: { step: 'the store', hanging: [], timeoutMs: 200 } })
    expect(error.message).toContain('stop: the store did not end within 200 ms')
  })

  test('names a bus that hangs, and still stops what comes after it', async () => {
    const stopped: string[] = []
    const events = new RecordingBus()
    events.stop = () => new Promise(() => {})
    const cluster = new SoloCluster()
    cluster.stop = async () => void stopped.push('cluster')
    const store = new MemoryStore()
    store.stop = async () => void stopped.push('store')
    const at = await scene({ events, cluster, store })
    const stop = at.set.claw.stop({ timeoutMs: 100 }).catch((error: unknown) => error)
    await at.set.clock.advance(100)
    expect(await stop).toMatchObject({ code: 'stop-timeout', details: { step: 'the event bus', hanging: [] } })
    expect(stopped).toEqual(['cluster', 'store'])
  })

  test('ends with the shorter limit of two calls', async () => {
    const at = await scene()
    at.held.hold('stop')
    const first = at.set.claw.stop({ timeoutMs: Number.POSITIVE_INFINITY }).catch((error: unknown) => error)
    const second = at.set.claw.stop({ timeoutMs: 50 }).catch((error: unknown) => error)
    await at.set.clock.advance(50)
    expect(await first).toMatchObject({ code: 'stop-timeout' })
    expect(await second).toBe(await first)
    await expect(at.set.claw.stop()).rejects.toBe(await first)
  })

  test('refuses a limit that is none', async () => {
    const at = await scene()
    await expect(at.set.claw.stop({ timeoutMs: -1 })).rejects.toMatchObject({ code: 'invalid-option' })
    await at.set.claw.stop()
  })
})

describe('a kill while the store hangs', () => {
  test.each(['append', 'openLog', 'read'] as const)('acknowledges nothing, and nothing runs afterwards: %s', async (method) => {
    const at = await scene()
    at.held.hold(method, 'sessions')
    const run = at.set.claw.session(key).send('go')
    const accepted = run.accepted.catch((error: unknown) => error)
    await at.held.isHeld
    at.set.claw.kill()
    expect(BeamClawError.isInstance(await accepted)).toBe(true)
    await expectSilence(at)
  })

  test('is over at once, and a stop after it names the store', async () => {
    const at = await scene()
    at.held.hold('stop')
    at.set.claw.kill()
    await at.set.claw.ended
    expect(await stopped(at, 300)).toMatchObject({ code: 'stop-timeout', details: { step: 'the store' } })
  })
})

describe('a stop while a part hangs', () => {
  test('names the part, and ends it', async () => {
    let isReleased = false
    const close = (): Promise<void> => new Promise(() => {})
    const release = (): void => {
      isReleased = true
    }
    const parts = ['one', 'two', 'three'].map((id) => ({
      id,
      start: () => ({ shutdownMs: 'infinity' as const, start: () => new ResourceActor(id === 'two' ? { close, release } : {}) }),
    }))
    const at = await scene({ parts, store: new MemoryStore() })
    const error = await stopped(at, 700)
    expect(error.details).toMatchObject({ step: 'the tree', hanging: ['tenants/default/parts/two'] })
    expect(isReleased).toBe(true)
  })
})

describe('a tree that ends by itself because its store has failed for good', () => {
  test('ends in time, though the store hangs as well', async () => {
    const memory = new TroubledStore()
    const held = heldStore(memory)
    const { claw, clock } = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store: held.store })
    memory.before = () => Promise.reject(new BeamClawError('store-failed', 'the disk is gone'))
    held.hold('close', 'activity')
    await expect(claw.session(key).send('go').accepted).rejects.toMatchObject({ code: 'store-failed' })
    await clock.advance(5_000)
    expect(claw.isRunning).toBe(true)
    await clock.advance(10_001)
    await claw.ended
    expect(claw.isRunning).toBe(false)
  })
})
