import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import { FunctionModel, stage } from '../../testing/model.ts'
import { TroubledStore } from '../../testing/troubled-store.ts'

const key = 'agent:main:main'

/** A run that was under way when its process died, and a store whose logs cannot be opened `failures` times. */
async function afterCrash(failures: number, code: 'store-io' | 'log-corrupt' = 'store-io') {
  const store = new TroubledStore()
  let isHeld = true
  const set = await stage(new FunctionModel(() => (isHeld ? new Promise(() => {}) : { text: 'after all' })), {}, { store })
  await set.claw.session(key).send('hello', { idempotencyKey: 'one' }).accepted
  await flushEventLoop()
  isHeld = false
  let opened = 0
  store.opening = async () => {
    if (opened++ < failures) throw new BeamClawError(code, 'too many open files')
  }
  const claw = await set.restart()
  return { set, claw, opened: () => opened }
}

describe('a session that cannot be woken at the start', () => {
  test.each([1, 5])('is tried again until it can, though nobody asks for it: %i failures', async (failures) => {
    const { set, claw, opened } = await afterCrash(failures)
    expect(await claw.resumed).toBe(0)
    for (let seconds = 0; seconds < 2 ** failures; seconds++) await set.clock.advance(1_000)
    expect(opened()).toBe(failures + 1)
    expect(await claw.session(key).follow('one').accepted).toMatchObject({ status: 'completed' })
  })

  test('is tried less and less often, and not after the end', async () => {
    const { set, claw, opened } = await afterCrash(Number.POSITIVE_INFINITY)
    await claw.resumed
    await set.clock.advance(600_000)
    expect(opened()).toBeGreaterThan(10)
    expect(opened()).toBeLessThan(20)
    const before = opened()
    await claw.stop()
    await set.clock.advance(600_000)
    expect(opened()).toBe(before)
    expect(set.clock.pendingTimers).toBe(0)
  })

  test('holds up no drain when its journal is damaged, and goes on once it is mended and used', async () => {
    const { claw, opened } = await afterCrash(2, 'log-corrupt')
    expect(await claw.resumed).toBe(0)
    await claw.drain()
    expect(opened()).toBe(1)
    await expect(claw.session(key).history()).rejects.toMatchObject({ code: 'log-corrupt' })
    expect((await claw.session(key).follow('one').result()).text).toBe('after all')
  })

  test('is no failure when a stop comes before it has been woken', async () => {
    const store = new TroubledStore()
    const events: string[] = []
    const services = { logger: { log: (_: string, event: string) => void events.push(event) } }
    const set = await stage(new FunctionModel(() => new Promise(() => {})), {}, { store, services })
    await set.claw.session(key).send('hello', { idempotencyKey: 'one' }).accepted
    await flushEventLoop()
    const opening = Promise.withResolvers<void>()
    store.opening = () => opening.promise
    const claw = await set.restart()
    await flushEventLoop()
    const stopped = claw.stop()
    await flushEventLoop()
    opening.resolve()
    await stopped
    expect(events).not.toContain('session.not-resumed')
  })
})
