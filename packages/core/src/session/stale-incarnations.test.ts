import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { TroubledStore } from '../testing/troubled-store.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'

describe('a state that was let go of', () => {
  test('does not end the work of the next one, when its last write answers after a later one has failed', async () => {
    const store = new TroubledStore()
    const silent = gate()
    const set = await stage(
      new FunctionModel(async (_request, index) => {
        if (index === 1) await silent.promise
        return { text: `answer ${index}` }
      }),
      {},
      { store },
    )
    const session = set.claw.session(key)
    const late = gate()
    store.after = (records) => (records.some(({ type }) => type === 'run-end') ? late.promise : Promise.resolve())
    await session.send('first').accepted
    await flushEventLoop()
    // A message that comes and goes leaves the old state without work, and its write fails.
    const failing = gate()
    store.before = () => failing.promise
    const sent = session.send('second', { idempotencyKey: 'second' }).accepted
    await flushEventLoop()
    const refused = Promise.allSettled([sent, session.abort('second')])
    await flushEventLoop()
    failing.reject(new BeamClawError('store-full', 'no room'))
    await refused
    store.before = async () => {}
    await session.send('third', { idempotencyKey: 'third' }).accepted
    await flushEventLoop()
    late.resolve()
    await flushEventLoop()
    await set.clock.advance(10_000)
    await set.restart()
    expect(await set.claw.resumed).toBe(1)
    silent.resolve()
    await flushEventLoop()
    expect(await set.claw.session(key).follow('third').accepted).toMatchObject({ status: 'completed' })
  })
})

describe('a session that was killed while it read its journal', () => {
  test('writes nothing and asks no model when the reading is done', async () => {
    const store = new TroubledStore()
    const silent = gate()
    const set = await stage(
      new FunctionModel(async () => {
        await silent.promise
        return { text: 'fine' }
      }),
      {},
      { store },
    )
    await set.claw.session(key).send('hello', { idempotencyKey: 'hello' }).accepted
    await flushEventLoop()
    const late = gate()
    store.read = () => late.promise
    const starting = set.restart()
    await flushEventLoop()
    const claw = await starting
    claw.kill()
    const asked = set.model.requests.length
    const written: string[] = []
    store.before = async (records) => void written.push(...records.map(({ type }) => type))
    late.resolve()
    await flushEventLoop()
    expect([written, set.model.requests.length]).toEqual([[], asked])
  })
})

describe('runs that may have taken the process down', () => {
  test('have the outcome of a tool on disk before the next of them begins one', async () => {
    const store = new TroubledStore()
    const begun: string[] = []
    const ends = gate<string>()
    let hangs = true
    const bomb = defineTool({
      name: 'bomb',
      description: 'goes off',
      idempotent: true,
      execute: (_input, { sessionKey }) => {
        begun.push(sessionKey)
        return hangs ? new Promise<string>(() => {}) : ends.promise
      },
    })
    const set = await stage(
      new FunctionModel(({ messages }) =>
        messages.at(-1)?.role === 'user' ? { calls: [{ id: 'call', name: 'bomb' }] } : { text: 'fine' },
      ),
      { tools: [bomb] },
      { store },
    )
    const keys = [key, 'agent:main:other']
    for (const each of keys) await set.claw.session(each).send('go').accepted
    await flushEventLoop()
    hangs = false
    begun.length = 0
    await (await set.restart()).resumed
    await flushEventLoop()
    expect(begun).toHaveLength(1)
    const isWritten = gate()
    store.before = (records) => (records.some(({ type }) => type === 'tool-outcome') ? isWritten.promise : Promise.resolve())
    ends.resolve('went well')
    await flushEventLoop()
    expect(begun).toHaveLength(1)
    isWritten.resolve()
    await flushEventLoop()
    expect(begun.toSorted()).toEqual(keys.toSorted())
  })
})
