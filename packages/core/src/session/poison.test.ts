import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { TroubledStore } from '../testing/troubled-store.ts'
import { defineTool } from '../tool/tool.ts'
import { applyRecord } from './state/apply-record.ts'
import { SessionState } from './state/session-state.ts'

const key = 'agent:main:main'

/** A tool that never ends, as far as its caller can see. */
const bomb = defineTool({ name: 'bomb', description: 'goes off', idempotent: true, execute: () => new Promise<string>(() => {}) })

/** Calls the tool that a message names, and says `fine` to any other. */
const obedient = (): FunctionModel =>
  new FunctionModel(({ messages, tools = [] }) => {
    const last = messages.at(-1)
    const name = tools.find((tool) => tool.name === last?.content)?.name
    return last?.role === 'user' && name !== undefined ? { calls: [{ id: 'call', name }] } : { text: 'fine' }
  })

async function crash(set: Stage, times: number): Promise<void> {
  for (let crashes = 0; crashes < times; crashes++) {
    await (await set.restart()).resumed
    await flushEventLoop()
  }
}

async function poisoned(): Promise<Stage> {
  const set = await stage(obedient(), { tools: [bomb] })
  await set.claw.session(key).send('bomb', { idempotencyKey: 'poison' }).accepted
  await flushEventLoop()
  await crash(set, 4)
  return set
}

describe('a run that is under way in a tool each time the process dies', () => {
  test('is given up after three more tries, and the session goes on', async () => {
    const set = await poisoned()
    const session = set.claw.session(key)
    await expect(session.send('bomb', { idempotencyKey: 'poison' }).result()).rejects.toMatchObject({ code: 'poison-message' })
    expect((await session.inspect()).deadLetters).toEqual(['poison'])
    expect((await session.send('next').result()).text).toBe('fine')
  })

  test('is given up too when the tool may not run twice, and the model calls it again each time', async () => {
    let begun = 0
    const once = defineTool({
      name: 'once',
      description: 'goes off, and may not run twice',
      execute: () => {
        begun++
        return new Promise<string>(() => {})
      },
    })
    const set = await stage(
      new FunctionModel((_request, index) => ({ calls: [{ id: `call-${index}`, name: 'once', input: { index } }] })),
      { tools: [once] },
    )
    await set.claw.session(key).send('go', { idempotencyKey: 'poison' }).accepted
    await flushEventLoop()
    await crash(set, 6)
    expect(begun).toBe(4)
    await expect(set.claw.session(key).follow('poison').result()).rejects.toMatchObject({ code: 'poison-message' })
  })

  test('can be aborted while it waits for its turn among others of its kind', async () => {
    const set = await stage(obedient(), { tools: [bomb] })
    const keys = [key, 'agent:main:other']
    for (const each of keys) await set.claw.session(each).send('bomb', { idempotencyKey: 'poison' }).accepted
    await flushEventLoop()
    await crash(set, 1)
    for (const each of keys) {
      const aborted = set.claw.session(each).follow('poison').result()
      const isAborted = expect(aborted).rejects.toMatchObject({ code: 'run-aborted' })
      await set.claw.session(each).abort()
      await isAborted
    }
  })

  test('is not given up when a tool of it ended in between', async () => {
    const quick = defineTool({ name: 'quick', description: 'ends', execute: () => 'done' })
    let calls = 0
    const model = new FunctionModel(() => ({
      calls: [{ id: `call-${++calls}`, name: calls % 2 === 0 ? 'quick' : 'bomb', input: { calls } }],
    }))
    const slow = defineTool({
      name: 'bomb',
      description: 'ends half of the time',
      execute: () => (calls % 4 === 1 ? 'went well' : new Promise<string>(() => {})),
    })
    const set = await stage(model, { tools: [quick, slow] })
    await set.claw.session(key).send('go', { idempotencyKey: 'go' }).accepted
    await flushEventLoop()
    await crash(set, 8)
    expect((await set.claw.session(key).inspect()).current?.runId).toBe('go')
  })
})

describe('a run is not given up', () => {
  test('for waiting for a slow model, however often the process dies', async () => {
    const held = gate()
    const set = await stage(new FunctionModel(() => held.promise.then(() => ({ text: 'at last' }))))
    await set.claw.session(key).send('hello', { idempotencyKey: 'patient' }).accepted
    await crash(set, 20)
    held.resolve()
    expect((await set.claw.session(key).follow('patient').result()).text).toBe('at last')
  })

  test('for having its tool under way beside that of another run, which is the one to blame', async () => {
    const held = gate()
    const slow = defineTool({
      name: 'slow',
      description: 'takes long',
      idempotent: true,
      execute: async () => {
        await held.promise
        return 'done'
      },
    })
    let isLit = false
    const lethal = defineTool({
      name: 'bomb',
      description: 'goes off',
      idempotent: true,
      execute: () => {
        isLit = true
        return new Promise<string>(() => {})
      },
    })
    const set = await stage(obedient(), { tools: [lethal, slow] })
    const other = 'agent:main:other'
    await set.claw.session(key).send('bomb', { idempotencyKey: 'poison' }).accepted
    await set.claw.session(other).send('slow', { idempotencyKey: 'innocent' }).accepted
    await flushEventLoop()
    for (let crashes = 0; crashes < 4; crashes++) {
      // The process dies when the bomb is lit; until then the other one may have its turn.
      for (let waits = 0; waits < 10 && !isLit; waits++) await set.clock.advance(10_000)
      isLit = false
      await crash(set, 1)
    }
    held.resolve()
    await set.clock.advance(60_000)
    expect((await set.claw.session(key).deadLetters()).map(({ runId }) => runId)).toEqual(['poison'])
    expect((await set.claw.session(other).follow('innocent').result()).text).toBe('fine')
  })

  test('for stops in the middle of its tool', async () => {
    const listening = defineTool({
      name: 'bomb',
      description: 'ends when it is told to',
      idempotent: true,
      execute: (_, { signal }) => new Promise<string>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    })
    const store = new MemoryStore()
    store.stop = async () => {}
    const set = await stage(obedient(), { tools: [listening] }, { store })
    await set.claw.session(key).send('bomb', { idempotencyKey: 'patient' }).accepted
    await flushEventLoop()
    let { claw } = set
    for (let stops = 0; stops < 6; stops++) {
      await claw.stop()
      claw = (await stage(obedient(), { tools: [listening] }, { store })).claw
      await claw.resumed
      await flushEventLoop()
    }
    expect((await claw.session(key).inspect()).current?.runId).toBe('patient')
  })

  test('for a tool that has lived long enough in between to be cleared', async () => {
    const set = await stage(obedient(), { tools: [bomb] })
    await set.claw.session(key).send('bomb', { idempotencyKey: 'patient' }).accepted
    await flushEventLoop()
    for (let round = 0; round < 6; round++) {
      await crash(set, 1)
      await set.clock.advance(31_000)
    }
    expect((await set.claw.session(key).inspect()).current?.runId).toBe('patient')
    for (let round = 0; round < 6; round++) {
      await crash(set, 2)
      await set.clock.advance(31_000)
    }
    expect((await set.claw.session(key).inspect()).current?.runId).toBe('patient')
  })

  test('for the trouble of a store', async () => {
    const store = new TroubledStore()
    let begun = 0
    const tool = defineTool({ name: 'write', description: 'writes', idempotent: true, execute: () => `${++begun} times` })
    const { claw, clock } = await stage(obedient(), { tools: [tool] }, { store })
    let isFull = true
    store.before = async (records) => {
      if (isFull && records.some(({ type }) => type === 'tool-outcome')) throw new BeamClawError('store-full', 'no room')
    }
    const run = claw.session(key).send('write')
    await run.accepted
    for (let tries = 0; tries < 60; tries++) await clock.advance(1_000)
    isFull = false
    await clock.advance(15_000)
    expect((await run.result()).text).toBe('fine')
    expect(begun).toBeGreaterThan(5)
  })
})

describe('a dead letter', () => {
  test('is one of a hundred: the oldest gives way', () => {
    const state = new SessionState()
    let seq = 0
    const entry = (type: string, data: object): void => applyRecord(state, { seq: ++seq, type, id: `${seq}`, ts: seq, data: data as never })
    for (let index = 1; index <= 150; index++) {
      const runId = `run-${index}`
      entry('message-in', { runId, message: { role: 'user', content: runId }, queueMode: 'queue' })
      entry('run-start', { runId })
      entry('run-end', { runId, outcome: 'failed', failure: { code: 'poison-message', message: 'given up' } })
    }
    expect(state.deadLetters.map(({ runId }) => runId)).toEqual(Array.from({ length: 100 }, (_, index) => `run-${index + 51}`))
    const kept = JSON.parse(JSON.stringify(state.toSnapshot()))
    expect(SessionState.fromSnapshot(kept, seq).deadLetters).toEqual(state.deadLetters)
  })

  test('is redriven: its message runs again under a new key, once however often that is asked for', async () => {
    const set = await poisoned()
    set.claw.updateAgents([...set.claw.agents].map((agent) => ({ ...agent, tools: new Map() })))
    const session = set.claw.session(key)
    const run = session.redrive('poison')
    expect(await run.accepted).toMatchObject({ runId: 'poison:redrive', status: 'accepted' })
    expect((await run.result()).text).toBe('fine')
    expect((await session.inspect()).deadLetters).toEqual([])
    expect(await session.redrive('poison').accepted).toMatchObject({ runId: 'poison:redrive', status: 'completed' })
    const { messages } = await session.history()
    expect(messages.filter(({ message }) => message.content === 'bomb').map(({ runId }) => runId)).toEqual(['poison', 'poison:redrive'])
  })

  test('outlives a snapshot and a restart', async () => {
    const set = await poisoned()
    const session = set.claw.session(key)
    for (let index = 0; index < 60; index++) await session.send(`message ${index}`).result()
    await set.restart()
    expect(await set.claw.session(key).deadLetters()).toMatchObject([{ runId: 'poison', message: { content: 'bomb' } }])
    expect(await set.claw.session(key).redrive('poison').accepted).toMatchObject({ status: 'accepted' })
  })

  test('that is not there is refused', async () => {
    const { claw } = await stage(obedient())
    await claw.session(key).send('hello', { idempotencyKey: 'fine' }).result()
    await expect(claw.session(key).redrive('fine').accepted).rejects.toMatchObject({ code: 'unknown-run' })
    await expect(claw.session('agent:main:nobody').redrive('fine').accepted).rejects.toMatchObject({ code: 'unknown-session' })
  })
})
