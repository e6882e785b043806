import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { FunctionModel, stage } from '../testing/model.ts'

const key = 'agent:main:main'
const shape = z.object({ answer: z.number() })

/** A model whose first answer waits for `held`. */
function heldModel(answer = '{"answer":42}') {
  const held = gate()
  const model = new FunctionModel(async (_request, index) => {
    if (index === 0) await held.promise
    return { text: answer }
  })
  return { model, held }
}

describe('a message that waits', () => {
  test('and is aborted leaves the reader of the run under way with every piece of it', async () => {
    const held = gate()
    const answers = [held.promise.then(() => ({ text: 'one two three' }))]
    const { claw } = await stage(new FunctionModel((_request, index) => answers[index] ?? { text: 'next' }))
    const session = claw.session(key)
    const run = session.send('first')
    const pieces: string[] = []
    const reading = (async () => {
      for await (const event of run) if (event.type === 'text-delta') pieces.push(event.text)
    })()
    const waiting = session.send('second')
    await waiting.accepted
    await flushEventLoop()
    await session.abort(waiting.runId)
    await flushEventLoop()
    held.resolve()
    await reading
    expect(pieces).toEqual(['one ', 'two ', 'three'])
  })

  test('and is aborted leaves who came in the middle with the pieces that come', async () => {
    const held = gate()
    const { claw } = await stage(new FunctionModel(() => held.promise.then(() => ({ text: 'one two' }))))
    const session = claw.session(key)
    await session.send('first').accepted
    const waiting = session.send('second')
    await waiting.accepted
    await flushEventLoop()
    const { seq } = await session.history()
    const pieces: string[] = []
    const reading = (async () => {
      for await (const event of session.subscribe(seq + 1)) {
        if (event.type === 'text-delta') pieces.push(event.text)
        if (event.type === 'message') return
      }
    })()
    await flushEventLoop()
    await session.abort(waiting.runId)
    await flushEventLoop()
    held.resolve()
    await reading
    expect(pieces).toEqual(['one ', 'two'])
  })
})

describe('the shape that a message asks for', () => {
  test('holds when it steers', async () => {
    const { model, held } = heldModel()
    const { claw } = await stage(model)
    const session = claw.session(key)
    await session.send('first').accepted
    const steering = session.send('as JSON please', { queueMode: 'steer', output: shape })
    await steering.accepted
    held.resolve()
    expect((await steering.result()).output).toEqual({ answer: 42 })
    expect(model.requests.map(({ responseFormat }) => responseFormat?.type)).toEqual([undefined, 'json'])
  })

  test('holds when a plain message is collected after it', async () => {
    const { model, held } = heldModel()
    const { claw } = await stage(model)
    const session = claw.session(key)
    await session.send('first').accepted
    const shaped = session.send('as JSON please', { queueMode: 'collect', output: shape })
    const plain = session.send('and be quick', { queueMode: 'collect' })
    await Promise.all([shaped.accepted, plain.accepted])
    held.resolve()
    expect((await shaped.result()).output).toEqual({ answer: 42 })
    expect(model.requests.map(({ responseFormat }) => responseFormat?.type)).toEqual([undefined, 'json'])
  })
})

describe('messages that steer', () => {
  test('all join before the next turn', async () => {
    const { model, held } = heldModel('done')
    const { claw } = await stage(model)
    const session = claw.session(key)
    await session.send('first', { idempotencyKey: 'first' }).accepted
    const steering = ['a', 'b', 'c'].map((text) => session.send(text, { queueMode: 'steer' }))
    await Promise.all(steering.map(({ accepted }) => accepted))
    held.resolve()
    for (const run of steering) expect((await run.result()).text).toBe('done')
    expect(model.requests).toHaveLength(2)
    expect(model.requests[1]?.messages.map(({ content }) => content)).toEqual(['first', [{ type: 'text', text: 'done' }], 'a', 'b', 'c'])
    const { messages } = await session.history()
    expect(messages.filter(({ message }) => message.role === 'user')).toHaveLength(4)
  })

  test('a run that has just answered whole in its last turn wait for a run of their own', async () => {
    const { model, held } = heldModel('done')
    const { claw } = await stage(model, { maxTurns: 1 })
    const session = claw.session(key)
    const first = session.send('first')
    await first.accepted
    const late = session.send('one more thing', { queueMode: 'steer' })
    await late.accepted
    held.resolve()
    expect((await first.result()).text).toBe('done')
    expect((await late.result()).text).toBe('done')
  })

  test('are part of the run from then on: found as running, and ended with it', async () => {
    const held = [gate(), gate()]
    const model = new FunctionModel(async (_request, index) => {
      await held[index]?.promise
      return { text: 'done' }
    })
    const { claw } = await stage(model)
    const session = claw.session(key)
    await session.send('first').accepted
    const steering = session.send('second', { queueMode: 'steer', idempotencyKey: 'second' })
    await steering.accepted
    expect(await session.follow('second').accepted).toMatchObject({ status: 'waiting' })
    held[0]?.resolve()
    await flushEventLoop()
    expect(await session.follow('second').accepted).toMatchObject({ status: 'running' })
    expect((await session.history()).runs).toMatchObject([{ status: 'running' }, { runId: 'second', status: 'running' }])
    held[1]?.resolve()
    expect(await steering.result()).toMatchObject({ text: 'done' })
  })
})

describe('a run that is over', () => {
  test('tells its events to a reader who follows it, or who sends its message again, and once to each', async () => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })))
    const session = claw.session(key)
    await session.send('hello', { idempotencyKey: 'one' }).result()
    for (const run of [session.follow('one'), session.send('hello', { idempotencyKey: 'one' })]) {
      const types: string[] = []
      for await (const { type } of run) types.push(type)
      expect(types).toEqual(['message-accepted', 'run-start', 'model-request', 'message', 'run-end'])
      for await (const event of run) expect(event).toBeUndefined()
      expect((await run.result()).text).toBe('fine')
    }
  })
})
