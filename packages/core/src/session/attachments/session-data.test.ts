import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import type { StoreKey } from '../../ports/store-key.ts'
import {
  branchOwner,
  callsOnce,
  image,
  imageIn,
  key,
  longText,
  look,
  owner,
  results,
  scene,
  userContent,
  withImage,
} from '../../testing/attachment-scene.ts'
import { someBytes } from '../../testing/attachment-store.ts'

describe('a session as data', () => {
  async function talked() {
    const set = await scene(callsOnce, { tools: look(() => longText) })
    await set.claw.session(key).send(withImage()).result()
    return set
  }
  const ids = async (set: Awaited<ReturnType<typeof scene>>, of: StoreKey) => (await set.held.memory.blobs.list(of)).map(({ id }) => id)

  test('is exported with its data, and imported into attachments again', async () => {
    const set = await talked()
    const exported = await set.claw.session(key).export()
    const messages = exported.messages.map(({ message }) => message)
    expect(userContent(messages)).toEqual(withImage())
    expect(results(messages)[0]?.content).toBe(longText)
    const elsewhere = await scene()
    await elsewhere.claw.session(key).import(JSON.parse(JSON.stringify(exported)))
    expect(await ids(elsewhere, owner)).toEqual(await ids(set, owner))
    expect(elsewhere.held.done).toEqual(['blobs.put', 'blobs.put', 'history-import'])
    expect(JSON.stringify(elsewhere.held.records).length).toBeLessThan(10_000)
    await elsewhere.claw.session(key).send('go on').result()
    expect(elsewhere.model.requests[0]?.messages.slice(0, 4)).toEqual(messages)
    await set.claw.stop()
    await elsewhere.claw.stop()
  })

  test('is exported with a note for what cannot be read, and can be imported', async () => {
    const set = await talked()
    await set.held.memory.blobs.deleteAll(owner)
    const exported = await set.claw.session(key).export()
    expect(userContent(exported.messages.map(({ message }) => message))).toEqual([
      { type: 'text', text: 'look' },
      { type: 'text', text: expect.stringContaining('cannot be read') },
    ])
    await set.claw.session('agent:main:copy').import(exported)
    await set.claw.stop()
  })

  test('shares its attachments with a fork, which reads them when the original is deleted; then nothing is left', async () => {
    const set = await talked()
    const branch = await set.claw.session(key).fork('branch')
    expect(await ids(set, branchOwner)).toEqual(await ids(set, owner))
    expect(set.held.done.filter((done) => done === 'blobs.put')).toHaveLength(2)
    await set.claw.session(key).delete()
    expect(await ids(set, owner)).toEqual([])
    await branch.send('go on').result()
    expect(userContent(set.model.requests.at(-1)?.messages)).toEqual(withImage())
    await branch.delete()
    expect(await ids(set, branchOwner)).toEqual([])
    expect(await set.held.memory.list(['default', 'deletions'] as unknown as StoreKey)).toEqual([])
    await set.claw.stop()
  })

  test('is forked without an attachment that is missing: its reference stays, and the model is told', async () => {
    const set = await talked()
    await set.held.memory.blobs.deleteAll(owner)
    const branch = await set.claw.session(key).fork('branch')
    await branch.send('go on').result()
    expect(JSON.stringify(set.model.requests.at(-1)?.messages)).toContain('cannot be read')
    await set.claw.stop()
  })

  test('is not forked once it is deleted: a fork never begins without its attachments', async () => {
    const set = await talked()
    let isFirst = true
    set.held.before = async (call) => {
      if (call !== 'share' || !isFirst) return
      isFirst = false
      await set.claw.session(key).delete()
    }
    await expect(set.claw.session(key).fork('branch')).rejects.toMatchObject({ code: 'unknown-session' })
    expect(await set.claw.session('agent:main:branch').exists()).toBe(false)
    await set.claw.stop()
  })

  test('keeps its attachments when it is rewound', async () => {
    const set = await talked()
    const before = await ids(set, owner)
    await set.claw.session(key).rewind(0)
    expect(await ids(set, owner)).toEqual(before)
    await set.claw.stop()
  })

  test('gives an attachment beside its sleep, and none to a stranger', async () => {
    const set = await talked()
    const [id = ''] = await ids(set, owner)
    await set.claw.stop()
    const claw = await set.restart()
    expect((await claw.session(key).attachment(id))?.size).toBeGreaterThan(0)
    expect(await claw.session('agent:main:other').attachment(id)).toBeUndefined()
    await expect(claw.session(key).attachment('x')).rejects.toMatchObject({ code: 'invalid-id' })
    expect(await claw.session('agent:main:other').exists()).toBe(false)
    await claw.stop()
    await expect(claw.session(key).attachment(id)).rejects.toMatchObject({ code: 'actor-not-running' })
  })
})

describe('a deletion', () => {
  const left = async ({ held }: Awaited<ReturnType<typeof scene>>) => held.memory.blobs.list(owner)

  test('removes the attachment of a first message that was refused, or that a crash interrupted', async () => {
    const set = await scene()
    await set.held.memory.blobs.put(owner, someBytes(1, 5_000))
    await set.claw.session(key).delete()
    expect(await left(set)).toEqual([])
    set.held.before = (call) => {
      if (call === 'put' && set.held.done.includes('blobs.put')) throw new BeamClawError('store-full', 'no room')
    }
    set.held.done.length = 0
    await expect(set.claw.session(key).send(withImage(image(1), image(2))).accepted).rejects.toMatchObject({ code: 'store-full' })
    expect(await set.claw.session(key).exists()).toBe(false)
    set.held.before = () => {}
    await set.claw.session(key).delete()
    expect(await left(set)).toEqual([])
    await set.claw.stop()
  })

  test('that a crash interrupts after the journal is completed by the next start', async () => {
    const set = await scene()
    await set.claw.session(key).send(withImage()).result()
    set.held.around = { after: () => new Promise(() => {}) }
    set.claw
      .session(key)
      .delete()
      .catch(() => {})
    await flushEventLoop()
    expect(await left(set)).toHaveLength(1)
    set.held.around = {}
    const claw = await set.restart()
    await flushEventLoop()
    expect(await left(set)).toEqual([])
    expect(await set.held.memory.list(['default'] as unknown as StoreKey)).toEqual([['default', 'activity']])
    await claw.stop()
  })

  test('that a crash interrupts before the journal has not happened: the session is whole', async () => {
    const set = await scene()
    await set.claw.session(key).send(withImage()).result()
    set.held.around = { before: () => new Promise(() => {}) }
    set.claw
      .session(key)
      .delete()
      .catch(() => {})
    await flushEventLoop()
    set.held.around = {}
    const claw = await set.restart()
    await flushEventLoop()
    expect(await left(set)).toHaveLength(1)
    await claw.session(key).send('go on').result()
    expect(userContent(set.model.requests.at(-1)?.messages)).toEqual(withImage())
    await claw.session(key).delete()
    expect([await left(set), await set.held.memory.list(['default', 'deletions'] as unknown as StoreKey)]).toEqual([[], []])
    await claw.stop()
  })

  test('that a crash interrupted leaves nothing to the session that begins under the key', async () => {
    const set = await scene()
    await set.claw
      .session(key)
      .send(withImage(image(1)))
      .result()
    set.held.around = { after: () => new Promise(() => {}) }
    set.claw
      .session(key)
      .delete()
      .catch(() => {})
    await flushEventLoop()
    set.held.around = {}
    // The next start has not come to it.
    set.held.sweep = new Promise(() => {})
    const claw = await set.restart()
    await claw
      .session(key)
      .send(withImage(image(2)))
      .result()
    expect((await left(set)).map(({ id }) => id)).toEqual([imageIn((await claw.session(key).history()).messages[0]?.message)?.blob])
    claw.kill()
  })

  test('waits for an attachment that is being written: its message begins the next session, with the attachment', async () => {
    const set = await scene()
    const session = set.claw.session(key)
    await session.send('hello').result()
    const gate = Promise.withResolvers<void>()
    let isFirst = true
    set.held.before = (call) => {
      if (call !== 'put' || !isFirst) return undefined
      isFirst = false
      return gate.promise
    }
    const sent = session.send(withImage())
    await flushEventLoop()
    const deleting = session.delete()
    await flushEventLoop()
    gate.resolve()
    await deleting
    await sent.result()
    expect(set.held.done.filter((done) => done === 'blobs.put' || done === 'blobs.deleteAll')).toEqual([
      'blobs.put',
      'blobs.deleteAll',
      'blobs.put',
    ])
    expect((await session.history()).total).toBe(2)
    expect(userContent(set.model.requests.at(-1)?.messages)).toEqual(withImage())
    await session.delete()
    expect(await left(set)).toEqual([])
    await set.claw.stop()
  })
})
