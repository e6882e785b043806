import { flushEventLoop } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { FunctionModel, stage } from '../testing/model.ts'
import { killPart, partTree } from '../testing/parts.ts'

const keys = ['agent:main:a', 'agent:main:b'] as const

/** Two sessions whose runs an earlier process left in the middle; this one resumes on demand. */
async function interrupted() {
  let isHeld = true
  const model = new FunctionModel(({ messages }) => (isHeld ? new Promise(() => {}) : { text: `heard ${String(messages[0]?.content)}` }))
  const set = await stage(model, {}, { resume: 'on-demand' })
  for (const key of keys) await set.claw.session(key).send(key, { idempotencyKey: 'one' }).accepted
  await flushEventLoop()
  isHeld = false
  await set.restart()
  await flushEventLoop()
  model.requests.length = 0
  return set
}

test('with resume on demand nothing runs that nobody asked for, and a drain waits for none of it', async () => {
  const { claw, model } = await interrupted()
  expect(await claw.resumed).toBe(0)
  await claw.drain()
  expect(partTree(claw, 'sessions')?.children).toEqual([])
  expect(model.requests).toHaveLength(0)
  await claw.stop()
})

test('with resume on demand a session goes on with its first use, and only that one', async () => {
  const { claw, model } = await interrupted()
  expect((await claw.session(keys[0]).follow('one').result()).text).toBe(`heard ${keys[0]}`)
  expect(model.requests).toHaveLength(1)
  expect(partTree(claw, 'sessions')?.children).toMatchObject([{ id: keys[0] }])
  await claw.stop()
})

test('resume() wakes all that were left, and what is not woken is left to the next process', async () => {
  const set = await interrupted()
  await set.restart()
  expect(await set.claw.resume()).toBe(2)
  for (const key of keys) expect((await set.claw.session(key).follow('one').result()).text).toBe(`heard ${key}`)
  expect(await set.claw.resume()).toBe(0)
  await set.claw.stop()
  await expect(set.claw.resume()).rejects.toMatchObject({ code: 'actor-not-running' })
})

test('a session that is at work goes on by itself when its supervisor crashes, also with resume on demand', async () => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const model = new FunctionModel(async () => {
    await held
    return { text: 'done' }
  })
  const set = await stage(model, {}, { resume: 'on-demand' })
  const run = set.claw.session(keys[0]).send('go', { idempotencyKey: 'two' })
  await run.accepted
  await flushEventLoop()
  killPart(set.claw, 'sessions')
  await flushEventLoop()
  letGo()
  expect((await run.result()).text).toBe('done')
  await set.claw.stop()
})
