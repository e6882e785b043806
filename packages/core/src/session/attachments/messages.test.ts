import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import { bytesOf, callsOnce, image, imageIn, key, owner, scene, userContent, withImage } from '../../testing/attachment-scene.ts'
import { someBytes } from '../../testing/attachment-store.ts'
import type { FunctionModel } from '../../testing/model.ts'
import { defineTool } from '../../tool/tool.ts'

describe('an image of a message', () => {
  test('is a reference in the journal, in events and in the history, and whole for the model', async () => {
    const set = await scene()
    const session = set.claw.session(key)
    await session.send(withImage(), { idempotencyKey: 'one' }).result()
    const reference = { type: 'image', mediaType: 'image/png', blob: expect.stringMatching(/^[0-9a-f]{64}$/), size: 20_000 }
    expect(userContent(set.model.requests[0]?.messages)).toEqual(withImage())
    const { messages } = await session.history()
    expect(messages[0]?.message.content).toEqual([{ type: 'text', text: 'look' }, reference])
    expect(JSON.stringify(set.held.records)).not.toContain(image().data.slice(100, 200))
    const events: unknown[] = []
    for await (const event of session.subscribe()) {
      events.push(event)
      if (event.type === 'run-end') break
    }
    expect(JSON.stringify(events)).not.toContain(image().data.slice(100, 200))
    expect(events).toContainEqual(
      expect.objectContaining({ message: { role: 'user', content: [{ type: 'text', text: 'look' }, reference] } }),
    )
    expect(await bytesOf(set.claw, imageIn(messages[0]?.message)?.blob)).toEqual(someBytes(1, 20_000))
    await set.claw.stop()
  })

  test.each([
    ['of 4 KiB stays in its message', image(2, 4_096), 0],
    ['of more is an attachment', image(2, 4_097), 1],
    [
      'behind an address stays an address',
      { type: 'image', mediaType: 'image/png', url: `https://example.com/${'a'.repeat(9_000)}` } as const,
      0,
    ],
  ])('%s', async (_, part, count) => {
    const set = await scene()
    await set.claw.session(key).send(withImage(part)).result()
    expect(await set.held.memory.blobs.list(owner)).toHaveLength(count)
    expect(userContent(set.model.requests[0]?.messages)).toEqual(withImage(part))
    await set.claw.stop()
  })

  test('in a data URL is an attachment too, and data for the model', async () => {
    const set = await scene()
    const { data, ...rest } = image(3)
    await set.claw
      .session(key)
      .send(withImage({ ...rest, url: `data:image/png;base64,${data}` }))
      .result()
    expect(await set.held.memory.blobs.list(owner)).toHaveLength(1)
    expect(userContent(set.model.requests[0]?.messages)).toEqual(withImage({ ...rest, data }))
    await set.claw.stop()
  })

  test('that comes twice is stored once', async () => {
    const set = await scene()
    await set.claw.session(key).send(withImage(image(), image())).result()
    await set.claw.session(key).send(withImage()).result()
    expect(await set.held.memory.blobs.list(owner)).toHaveLength(1)
    await set.claw.stop()
  })

  test('is a reference in snapshots and in memory too, also of messages that the model has seen', async () => {
    const set = await scene()
    for (let seed = 0; seed < 15; seed++)
      await set.claw
        .session(key)
        .send(withImage(image(seed)))
        .result()
    await set.clock.advance(70_000)
    await flushEventLoop()
    expect(set.held.snapshots.length).toBeGreaterThan(0)
    expect(JSON.stringify(set.held.snapshots)).toContain('"blob"')
    expect(JSON.stringify(set.held.snapshots).length).toBeLessThan(20_000)
    expect(JSON.stringify(await set.claw.session(key).history()).length).toBeLessThan(20_000)
    await set.claw.stop()
  })

  test('is durable before the record that refers to it, and the message waits for it', async () => {
    const set = await scene()
    const gate = Promise.withResolvers<void>()
    set.held.before = (call) => (call === 'put' ? gate.promise : undefined)
    const run = set.claw.session(key).send(withImage())
    const after = set.claw.session(key).send('and this')
    await flushEventLoop()
    expect(set.held.done.filter((done) => done === 'message-in')).toEqual([])
    gate.resolve()
    await Promise.all([run.result(), after.result()])
    expect(set.held.done.filter((done) => done === 'message-in' || done === 'blobs.put')).toEqual(['blobs.put', 'message-in', 'message-in'])
    expect((await set.claw.session(key).history()).messages.map(({ message }) => message.role)).toEqual([
      'user',
      'assistant',
      'user',
      'assistant',
    ])
    expect(
      userContent(
        (await set.claw.session(key).history()).messages.map(({ message }) => message),
        1,
      ),
    ).toBe('and this')
    await set.claw.stop()
  })

  test('that cannot be stored refuses its message with the error of the store, and the next one is accepted', async () => {
    const set = await scene()
    const session = set.claw.session(key)
    await session.send('hello').result()
    set.held.failOnce('put', new BeamClawError('store-full', 'no room'))
    await expect(session.send(withImage(), { idempotencyKey: 'one' }).accepted).rejects.toMatchObject({ code: 'store-full' })
    expect((await session.send(withImage(), { idempotencyKey: 'one' }).result()).text).toBe('ok')
    expect((await session.history()).total).toBe(4)
    await set.claw.stop()
  })

  test('that is no base64 is refused with its path', async () => {
    const set = await scene()
    const wrong = { ...image(), data: `${'*'.repeat(9_000)}` }
    await expect(set.claw.session(key).send(withImage(wrong)).accepted).rejects.toMatchObject({
      code: 'invalid-message',
      message: expect.stringContaining('content[1].data must be base64'),
    })
    await expect(set.claw.session(key).import([{ role: 'user', content: [wrong] }])).rejects.toMatchObject({
      message: expect.stringContaining('messages[0].content[0].data must be base64'),
    })
    await set.claw.stop()
  })

  test.each(['queue', 'steer', 'collect', 'interrupt'] as const)('reaches the model whole by the queue mode %s', async (queueMode) => {
    const gate = Promise.withResolvers<void>()
    const set = await scene()
    const model = set.model as unknown as { doStream: FunctionModel['doStream'] }
    const original = model.doStream.bind(set.model)
    let isFirst = true
    model.doStream = async function* (request, options) {
      if (isFirst) {
        isFirst = false
        await Promise.race([gate.promise, new Promise((resolve) => options.signal.addEventListener('abort', resolve))])
      }
      yield* original(request, options)
    }
    const first = set.claw.session(key).send('begin')
    await first.accepted
    const second = set.claw.session(key).send(withImage(), { queueMode })
    await second.accepted
    gate.resolve()
    await Promise.allSettled([first.result(), second.result()])
    expect(JSON.stringify(set.held.records)).not.toContain(image().data.slice(100, 200))
    const last = set.model.requests.at(-1)?.messages
    expect(JSON.stringify(last)).toContain(image().data)
    expect(JSON.stringify(last)).not.toContain('"blob"')
    await set.claw.stop()
  })

  test('is asked for with a repeated key once, and a repeat under the key finds the run', async () => {
    const set = await scene()
    const session = set.claw.session(key)
    const runs = [1, 2, 3].map(() => session.send(withImage(), { idempotencyKey: 'one' }).result())
    expect(new Set((await Promise.all(runs)).map(({ text }) => text))).toEqual(new Set(['ok']))
    expect(set.held.done.filter((done) => done === 'blobs.put')).toHaveLength(1)
    await expect(session.send(withImage(image(2)), { idempotencyKey: 'one' }).accepted).rejects.toMatchObject({
      code: 'idempotency-mismatch',
    })
    expect(set.model.requests).toHaveLength(1)
    await set.claw.stop()
  })
})

test('a message that is given up and sent again keeps its attachment', async () => {
  let isHanging = true
  const bomb = defineTool({
    name: 'look',
    description: 'hangs',
    idempotent: true,
    execute: () => (isHanging ? new Promise<string>(() => {}) : Promise.resolve('done')),
  })
  const set = await scene(callsOnce, { tools: [bomb] })
  await set.claw.session(key).send(withImage(), { idempotencyKey: 'one' }).accepted
  await flushEventLoop()
  let { claw } = set
  for (let crashes = 0; crashes < 4; crashes++) {
    claw = await set.restart()
    await claw.resumed
    await flushEventLoop()
  }
  isHanging = false
  const [letter] = await claw.session(key).deadLetters()
  expect(letter?.message?.content).toEqual([{ type: 'text', text: 'look' }, expect.objectContaining({ blob: expect.any(String) })])
  await claw.session(key).redrive('one').result()
  expect(JSON.stringify(set.model.requests.at(-1)?.messages)).toContain(image().data)
  expect(set.held.done.filter((done) => done === 'blobs.put')).toHaveLength(1)
  await claw.stop()
})
