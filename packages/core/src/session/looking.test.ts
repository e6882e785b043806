/** Looking at sessions that wait because of `resume: 'on-demand'` starts none of their work. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { expect, onTestFinished, test } from 'vitest'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'

const key = 'agent:main:a'

/** A session whose run an earlier process left in its middle: it is not in the index yet. */
async function interrupted(): Promise<Stage> {
  let isHeld = true
  const model = new FunctionModel(() => (isHeld ? new Promise(() => {}) : { text: 'fine' }))
  const set = await stage(model, {}, { resume: 'on-demand' })
  onTestFinished(() => void set.claw.kill())
  await set.claw.session(key).send('hi', { idempotencyKey: 'one' }).accepted
  await flushEventLoop()
  isHeld = false
  await set.restart()
  await flushEventLoop()
  model.requests.length = 0
  return set
}

const records = async ({ store }: Stage): Promise<number> => {
  const log = await store.openLog(['default', 'sessions', 'main', 'a'] as never, { epoch: Number.MAX_SAFE_INTEGER, nonce: 'look' })
  return (await log.read()).records.length
}

test('a list and exists() tell that an interrupted session is there, and write and ask nothing', async () => {
  const set = await interrupted()
  for (let time = 0; time < 2; time++) {
    expect((await set.claw.sessions()).map(({ sessionKey }) => sessionKey)).toEqual([key])
    expect(await set.claw.session(key).exists()).toBe(true)
    await flushEventLoop()
  }
  expect(set.model.requests).toHaveLength(0)
  await set.claw.drain()
  // The message, the start of the run and the request to the model, as the first process left them.
  set.claw.kill()
  expect(await records(set)).toBe(3)
})

test('after a look the session goes on at its first use', async () => {
  const { claw, model } = await interrupted()
  await claw.sessions()
  expect((await claw.session(key).follow('one').result()).text).toBe('fine')
  expect(model.requests).toHaveLength(1)
})

test('after a look the session goes on when all are resumed', async () => {
  const { claw, model } = await interrupted()
  await Promise.all([claw.sessions(), claw.session(key).exists()])
  expect(await claw.resume()).toBe(1)
  await claw.drain()
  expect(model.requests).toHaveLength(1)
  expect((await claw.session(key).history()).messages).toHaveLength(2)
})

test('a look and a message at the same time: the session goes on, once', async () => {
  const { claw, model } = await interrupted()
  const session = claw.session(key)
  const [looked, sent] = await Promise.all([claw.sessions(), session.send('more', { idempotencyKey: 'two' }).result()])
  expect([looked.length, sent.text]).toEqual([1, 'fine'])
  expect((await session.follow('one').result()).text).toBe('fine')
  expect(model.requests).toHaveLength(2)
})

test('after a look a session goes on when its history is read', async () => {
  const { claw, model } = await interrupted()
  await claw.sessions()
  const held = Promise.withResolvers<void>()
  claw.on('run-resume', () => held.resolve())
  await claw.session(key).history()
  await held.promise
  await claw.drain()
  expect(model.requests).toHaveLength(1)
})
