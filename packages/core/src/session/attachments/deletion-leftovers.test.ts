/** A deletion whose journal is gone is completed, whatever failed after it: no byte of the session stays on disk. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import { defaultTenant } from '../../base/ids.ts'
import { image, key, owner, scene, withImage } from '../../testing/attachment-scene.ts'
import { stage } from '../../testing/model.ts'

type Scene = Awaited<ReturnType<typeof scene>>

const blobs = ({ held }: Scene) => held.memory.blobs.list(owner)
const failing = (set: Scene): { isFailing: boolean } => {
  const state = { isFailing: true }
  set.held.before = (call) => {
    if (call === 'deleteAll' && state.isFailing) throw new BeamClawError('store-io', 'the disk failed')
  }
  return state
}

async function pass(set: Scene, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    await set.clock.advance(1_000)
    await flushEventLoop()
  }
}

describe('a deletion whose attachments could not be removed', () => {
  test('is completed by itself once they can', async () => {
    const set = await scene()
    onTestFinished(() => void set.claw.kill())
    await set.claw.session(key).send(withImage()).result()
    const disk = failing(set)
    await expect(set.claw.session(key).delete()).rejects.toMatchObject({ code: 'store-io' })
    expect([await set.claw.session(key).exists(), (await blobs(set)).length]).toEqual([false, 1])
    await pass(set, 60_000)
    expect(await set.claw.sessions()).toEqual([])
    disk.isFailing = false
    await pass(set, 60_000)
    expect(await blobs(set)).toEqual([])
    expect(await set.held.memory.list(['default'] as never)).toEqual([['default', 'activity']])
  })

  test('is completed by the next process', async () => {
    const set = await scene()
    await set.claw.session(key).send(withImage()).result()
    const disk = failing(set)
    await expect(set.claw.session(key).delete()).rejects.toMatchObject({ code: 'store-io' })
    await pass(set, 60_000)
    disk.isFailing = false
    const claw = await set.restart()
    await claw.resumed
    await flushEventLoop()
    expect(await blobs(set)).toEqual([])
    await claw.stop()
  })

  test('does not touch the session that begins under the key', async () => {
    const set = await scene()
    onTestFinished(() => void set.claw.kill())
    await set.claw.session(key).send(withImage()).result()
    const disk = failing(set)
    await expect(set.claw.session(key).delete()).rejects.toMatchObject({ code: 'store-io' })
    disk.isFailing = false
    await set.claw
      .session(key)
      .send(withImage(image(2)))
      .result()
    await pass(set, 60_000)
    expect([(await set.claw.session(key).history()).total, (await blobs(set)).length]).toEqual([2, 1])
    expect(await set.claw.sessions()).toHaveLength(1)
  })
})

test('a deletion that a crash interrupted is completed by the next start, also when sessions are resumed on demand', async () => {
  const set = await scene()
  await set.claw.session(key).send(withImage()).result()
  set.held.around = { after: () => new Promise(() => {}) }
  set.claw
    .session(key)
    .delete()
    .catch(() => {})
  await flushEventLoop()
  set.claw.kill()
  set.held.around = {}
  expect(await blobs(set)).toHaveLength(1)
  const next = await stage(set.model, {}, { store: set.held.store, resume: 'on-demand' })
  onTestFinished(() => void next.claw.kill())
  await next.claw.resumed
  await flushEventLoop()
  expect(await blobs(set)).toEqual([])
  expect(await next.claw.sessions()).toEqual([])
})

test('a deletion of what does not exist leaves the session alone that begins meanwhile, and its place in lists', async () => {
  const set = await scene()
  onTestFinished(() => void set.claw.kill())
  const gate = Promise.withResolvers<void>()
  set.held.before = (call) => (call === 'deleteAll' ? gate.promise : undefined)
  const deleting = set.claw.session(key).delete()
  await flushEventLoop()
  await set.claw.session(key).send('hello').result()
  await flushEventLoop()
  gate.resolve()
  await deleting
  await pass(set, 60_000)
  expect(await set.claw.sessions()).toMatchObject([{ sessionKey: key, preview: 'ok' }])
})

test('a deletion removes the attachments although the index cannot be written, and the entry once it can', async () => {
  const set = await scene()
  onTestFinished(() => void set.claw.kill())
  await set.claw.session(key).send(withImage()).result()
  await pass(set, 10_000)
  const { index } = set.held.memory
  const remove = index.delete
  index.delete = () => Promise.reject(new BeamClawError('store-io', 'the index failed'))
  await expect(set.claw.session(key).delete()).rejects.toMatchObject({ code: 'store-io' })
  expect(await blobs(set)).toEqual([])
  index.delete = remove
  await pass(set, 60_000)
  expect(await index.page(defaultTenant, { sort: 'key', limit: 9 })).toEqual([])
})
