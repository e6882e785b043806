/** What comes at the moment of a sweep, and clocks that are wrong for a while. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { expect, onTestFinished, test } from 'vitest'
import { defaultTenant } from '../../base/ids.ts'
import { image, key, owner, scene, withImage } from '../../testing/attachment-scene.ts'
import { FunctionModel, stage } from '../../testing/model.ts'

const hour = 3_600_000
const day = 24 * hour

async function pass(clock: { now(): number; advance(ms: number): Promise<void> }, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= hour) {
    await clock.advance(Math.min(hour, left))
    for (let turn = 0; turn < 20; turn++) await flushEventLoop()
  }
}

test('a message whose attachment is being written when the sweep comes keeps its session', async () => {
  const set = await scene(undefined, { retention: { maxAgeMs: 2 * day } })
  onTestFinished(() => void set.claw.kill())
  await set.claw.session(key).send('hello').result()
  // Sweeps come a minute after each full hour.
  await pass(set.clock, 2 * day)
  await set.clock.advance(40_000)
  const gate = Promise.withResolvers<void>()
  set.held.before = (call) => (call === 'put' ? gate.promise : undefined)
  const sent = set.claw.session(key).send(withImage(image(1)))
  await flushEventLoop()
  await set.clock.advance(30_000)
  for (let turn = 0; turn < 20; turn++) await flushEventLoop()
  gate.resolve()
  await sent.result()
  expect((await set.claw.session(key).history()).total).toBe(4)
  expect(await set.held.memory.blobs.list(owner)).toHaveLength(1)
})

test('messages are in the order in which they were sent, whether or not they have attachments', async () => {
  const set = await scene()
  onTestFinished(() => void set.claw.kill())
  const session = set.claw.session(key)
  const first = session.send(withImage(image(1)))
  const second = session.send('what is in the image?')
  await Promise.all([first.result(), second.result()])
  const said = (await session.history()).messages.filter(({ message }) => message.role === 'user').map(({ message }) => message.content)
  expect(typeof said[0]).toBe('object')
  expect(said[1]).toBe('what is in the image?')
})

test('a clock that is a year ahead for an hour deletes nothing', async () => {
  const model = new FunctionModel(() => ({ text: 'ok' }))
  const set = await stage(model, { retention: { maxAgeMs: 30 * day } })
  onTestFinished(() => void set.claw.kill())
  await set.claw.session('agent:main:a').send('hello').result()
  await pass(set.clock, 3 * hour)
  const { now } = set.clock
  set.clock.now = () => now.call(set.clock) + 365 * day
  await pass(set.clock, hour)
  set.clock.now = now
  await pass(set.clock, 2 * hour)
  expect(await set.claw.session('agent:main:a').exists()).toBe(true)
  expect(await set.store.readLog([defaultTenant, 'sessions', 'main', 'a'])).toBeDefined()
  // A clock that stays there is believed at the sweep after the next.
  set.clock.now = () => now.call(set.clock) + 365 * day
  await pass(set.clock, 3 * hour)
  expect(await set.claw.session('agent:main:a').exists()).toBe(false)
})
