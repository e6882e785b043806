import { LocalEventBus } from '@beamclaw/actor'
import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { defineAgent } from '../agent/agent.ts'
import type { RunEvent } from '../base/events.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'
const echo = (): FunctionModel => new FunctionModel(({ messages }) => ({ text: `heard ${JSON.stringify(messages.at(-1)?.content)}` }))

/** A stage whose model says `done` once `held` is resolved. */
async function heldStage() {
  const held = gate()
  const answer = async () => {
    await held.promise
    return { text: 'done' }
  }
  const { claw } = await stage(new FunctionModel(answer))
  return { claw, held }
}

describe('the history of a session', () => {
  test('has each message with its time and its run, oldest first', async () => {
    const { claw, clock } = await stage(echo())
    await claw.session(key).send('one', { idempotencyKey: 'first' }).result()
    await clock.advance(5_000)
    await claw.session(key).send('two', { idempotencyKey: 'second' }).result()
    const { messages, total, runs } = await claw.session(key).history()
    expect(messages.map(({ message, runId }) => [message.role, runId])).toEqual([
      ['user', 'first'],
      ['assistant', 'first'],
      ['user', 'second'],
      ['assistant', 'second'],
    ])
    expect((messages[2]?.createdAt ?? 0) - (messages[1]?.createdAt ?? 0)).toBe(5_000)
    expect({ total, runs }).toEqual({ total: 4, runs: [] })
    expect((await claw.session(key).history({ limit: 1 })).messages).toEqual(messages.slice(-1))
    expect((await claw.session(key).history({ limit: 0 })).messages).toEqual([])
  })

  test('names the run under way and those that wait, with what waits', async () => {
    const { claw, held } = await heldStage()
    await claw.session(key).send('one', { idempotencyKey: 'first' }).accepted
    await claw.session(key).send('two', { idempotencyKey: 'second' }).accepted
    const { runs, messages } = await claw.session(key).history()
    expect(runs).toMatchObject([
      { runId: 'first', status: 'running' },
      { runId: 'second', status: 'waiting', message: { content: 'two' } },
    ])
    expect(messages).toMatchObject([{ runId: 'first', message: { content: 'one' } }])
    held.resolve()
  })

  test('outlives a crash, a snapshot included', async () => {
    const set = await stage(echo())
    for (let index = 0; index < 60; index++) await set.claw.session(key).send(`message ${index}`).result()
    const before = await set.claw.session(key).history()
    await set.restart()
    expect(await set.claw.session(key).history()).toEqual(before)
    expect(before.total).toBe(120)
  })

  test.each([-1, 1.5, Number.NaN, '3'])('refuses a limit of %s', async (limit) => {
    const { claw } = await stage(echo())
    await expect(claw.session(key).history({ limit: limit as number })).rejects.toMatchObject({ code: 'invalid-option' })
  })
})

describe('a run that is followed', () => {
  test('by its key alone tells its events and its result, while it goes on and when it is over', async () => {
    const { claw, held } = await heldStage()
    await claw.session(key).send('one', { idempotencyKey: 'first' }).accepted
    const following = claw.session(key).follow('first')
    const seen = (async () => {
      const events: RunEvent['type'][] = []
      for await (const { type } of following) events.push(type)
      return events
    })()
    await flushEventLoop()
    held.resolve()
    expect(await seen).toEqual(['message-accepted', 'run-start', 'model-request', 'text-delta', 'message', 'run-end'])
    expect((await claw.session(key).follow('first').result()).text).toBe('done')
  })

  test('and is not known is refused', async () => {
    const { claw } = await stage(echo())
    await claw.session(key).send('hello').result()
    await expect(claw.session(key).follow('nothing').result()).rejects.toMatchObject({ code: 'unknown-run' })
  })
})

describe('settings of a session', () => {
  test('hold from the next question on, outlive a crash, and can be taken back', async () => {
    const model = echo()
    const set = await stage(model)
    expect(await set.claw.session(key).configure({ model: 'test/other', thinking: 'high', label: 'mine' })).toEqual({
      model: 'test/other',
      thinking: 'high',
      label: 'mine',
    })
    await set.claw.session(key).send('one').result()
    await set.restart()
    await set.claw.session(key).send('two').result()
    expect(await set.claw.session(key).configure({ model: null, thinking: null })).toEqual({ label: 'mine' })
    await set.claw.session(key).send('three').result()
    expect(model.requests.map((request) => [request.model, request.thinking])).toEqual([
      ['other', 'high'],
      ['other', 'high'],
      ['model', undefined],
    ])
  })

  test('decide what a message does that says nothing itself', async () => {
    const { claw, held } = await heldStage()
    const session = claw.session(key)
    await session.configure({ queueMode: 'reject' })
    await session.send('one').accepted
    await expect(session.send('two').accepted).rejects.toMatchObject({ code: 'session-busy' })
    expect((await session.send('three', { queueMode: 'queue' }).accepted).status).toBe('accepted')
    held.resolve()
  })

  test.each([{ model: 'nothing' }, { thinking: 'much' }, { colour: 'red' }, { skills: 'all' }, null])('refuse %j', async (changes) => {
    const { claw } = await stage(echo())
    await expect(claw.session(key).configure(changes as never)).rejects.toMatchObject({ code: 'invalid-option' })
  })
})

describe('the list of sessions', () => {
  test('has every session once, with its settings and when it was last at work', async () => {
    const { claw, clock } = await stage(echo())
    for (const id of ['b', 'a', 'c']) await claw.session(`agent:main:${id}`).send('hello').result()
    await claw.session('agent:main:a').configure({ label: 'first' })
    const sessions = await claw.sessions()
    expect(sessions.map(({ sessionKey, agentId }) => [sessionKey, agentId])).toEqual([
      ['agent:main:a', 'main'],
      ['agent:main:b', 'main'],
      ['agent:main:c', 'main'],
    ])
    expect(sessions[0]).toMatchObject({ settings: { label: 'first' }, updatedAt: clock.now() })
    expect(await claw.sessions({ limit: 2 })).toEqual(sessions.slice(0, 2))
    expect(await claw.sessions({ after: 'agent:main:a' })).toEqual(sessions.slice(1))
    expect(await claw.sessions({ agentId: 'other' })).toEqual([])
  })

  test('remembers after a crash when each was last at work', async () => {
    const set = await stage(echo())
    await set.claw.session(key).send('hello').result()
    const before = await set.claw.sessions()
    await set.clock.advance(60_000)
    await set.restart()
    expect(await set.claw.sessions()).toEqual(before)
  })
})

describe('a message that nobody follows', () => {
  test('leaves nobody listening after a moment, and can be followed later', async () => {
    const events = new LocalEventBus<RunEvent>()
    let listening = 0
    const subscribe = events.subscribe.bind(events)
    events.subscribe = (...how) => {
      const subscription = subscribe(...how)
      const stop = subscription.stop.bind(subscription)
      listening++
      subscription.stop = () => {
        listening--
        return stop()
      }
      return subscription
    }
    const { claw, clock } = await stage(echo(), {}, { events })
    const run = claw.session(key).send('one')
    await run.accepted
    await clock.advance(1_000)
    expect(listening).toBe(0)
    expect((await run.result()).text).toBe('heard "one"')
  })
})

describe('draining', () => {
  test('refuses new messages, and waits for the work that is left', async () => {
    const { claw, held } = await heldStage()
    const run = claw.session(key).send('one')
    await run.accepted
    let isDrained = false
    const draining = claw.drain().then(() => {
      isDrained = true
    })
    await expect(claw.session(key).send('two').accepted).rejects.toMatchObject({ code: 'draining', isRetryable: true })
    await flushEventLoop()
    expect(isDrained).toBe(false)
    held.resolve()
    await draining
    expect((await run.result()).text).toBe('done')
  })
})

describe('agents that are configured anew', () => {
  test('answer from the next run on: one under way keeps the definition it has', async () => {
    const held = gate()
    const model = new FunctionModel((_request, index) => (index === 0 ? { calls: [{ id: 'a', name: 'wait' }] } : { text: 'done' }))
    const wait = defineTool({
      name: 'wait',
      description: 'waits',
      execute: async () => {
        await held.promise
        return 'waited'
      },
    })
    const { claw } = await stage(model, { tools: [wait] })
    const run = claw.session(key).send('go')
    await run.accepted
    await flushEventLoop()
    claw.updateAgents([defineAgent({ id: 'main', model: 'test/better', system: 'Be quick.' })])
    held.resolve()
    await run.result()
    expect(model.requests[1]).toMatchObject({ model: 'model', tools: [{ name: 'wait' }] })
    await claw.session(key).send('again').result()
    expect(model.requests[2]).toMatchObject({ model: 'better', system: 'Be quick.' })
  })

  test('leave a session of an agent that is gone with its last definition, and refuse others', async () => {
    const { claw } = await stage(echo())
    await claw.session(key).send('one').result()
    claw.updateAgents([defineAgent({ id: 'other', model: 'test/model' })])
    await expect(claw.session('agent:main:new').send('one').accepted).rejects.toMatchObject({ code: 'unknown-agent' })
    expect((await claw.session('agent:other:new').send('one').result()).text).toBe('heard "one"')
  })
})

describe('a session that is stopped in the middle of a run', () => {
  test('goes on with it, and does not hold the stop against it', async () => {
    const held = gate()
    const store = new MemoryStore()
    store.stop = async () => {}
    const model = new FunctionModel(async () => {
      await held.promise
      return { text: 'done' }
    })
    for (let stops = 0; stops < 5; stops++) {
      const { claw } = await stage(model, {}, { store })
      await claw.session(key).send('one', { idempotencyKey: 'first' }).accepted
      await flushEventLoop()
      await claw.stop()
    }
    held.resolve()
    const { claw } = await stage(model, {}, { store })
    expect((await claw.session(key).follow('first').result()).text).toBe('done')
  })
})

test('a session that is stopped while the result of a run is awaited says that the run was interrupted', async () => {
  const { claw } = await stage(new FunctionModel(() => new Promise(() => {})))
  const run = claw.session(key).send('hello')
  await run.accepted
  const result = run.result()
  const stopped = claw.stop()
  await expect(result).rejects.toMatchObject({ code: 'run-interrupted' })
  await expect(run.result()).rejects.toMatchObject({ code: 'run-interrupted' })
  await stopped
})

test('options that change while they are read are read once', async () => {
  const set = await stage(echo())
  let reads = 0
  const hostile = {
    get temperature() {
      return reads++ === 0 ? 1 : 'hot'
    },
  } as { readonly temperature: number }
  await set.claw.session(key).send('hello', hostile).result()
  const claw = await set.restart()
  expect((await claw.session(key).history()).total).toBe(2)
  await claw.stop()
})
