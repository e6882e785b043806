import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import type { RunEvent } from '../base/events.ts'
import type { Message } from '../base/messages.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { TroubledStore } from '../testing/troubled-store.ts'
import { defineTool } from '../tool/tool.ts'
import type { SessionExport } from './session-transfer.ts'

const key = 'agent:main:main'
const echo = (): FunctionModel => new FunctionModel(({ messages }) => ({ text: `re: ${String(messages.at(-1)?.content)}` }))

/** A session in which these messages were sent and answered. */
async function talked(...texts: string[]): Promise<Stage> {
  const set = await stage(echo())
  for (const text of texts) await set.claw.session(key).send(text, { idempotencyKey: text }).result()
  return set
}

const saidIn = (messages: readonly { readonly message: Message }[]): string[] =>
  messages.map(({ message: { content } }) =>
    typeof content === 'string' ? content : content.map((part) => ('text' in part ? part.text : part.type)).join(' '),
  )

const said = async ({ claw }: Stage, of = key): Promise<string[]> => saidIn((await claw.session(of).history()).messages)

describe('exists', () => {
  test('tells whether a session was begun, and begins none', async () => {
    const set = await stage(echo())
    expect(await set.claw.session(key).exists()).toBe(false)
    expect(await set.claw.sessions()).toEqual([])
    await set.claw.session(key).send('hello').result()
    expect(await set.claw.session(key).exists()).toBe(true)
    expect(await (await set.restart()).session(key).exists()).toBe(true)
  })
})

describe('delete', () => {
  test('leaves nothing of a session, also for the next process', async () => {
    const set = await talked('hello')
    await set.claw.session(key).configure({ label: 'mine', data: { plan: 'free' } })
    await set.clock.advance(10_000)
    await set.claw.session(key).delete()
    for (const next of [() => set.claw, () => set.restart()]) {
      const claw = await next()
      expect(await claw.session(key).exists()).toBe(false)
      expect(await claw.sessions()).toEqual([])
      await expect(claw.session(key).history()).rejects.toMatchObject({ code: 'unknown-session' })
      await expect(claw.session(key).follow('hello').result()).rejects.toMatchObject({ code: 'unknown-session' })
    }
    expect((await set.store.list(['default' as never])).filter(([, kind]) => kind === 'sessions')).toEqual([])
  })

  test('is done once: a session that is not there is deleted already', async () => {
    const set = await talked('hello')
    await Promise.all([set.claw.session(key).delete(), set.claw.session(key).delete()])
    await set.claw.session(key).delete()
    await set.claw.session('agent:main:other').delete()
    expect(await set.claw.sessions()).toEqual([])
  })

  test('lets the next message begin a session that knows no key of before', async () => {
    const set = await talked('hello')
    const session = set.claw.session(key)
    await session.configure({ label: 'old' })
    await session.delete()
    expect((await session.send('again', { idempotencyKey: 'hello' }).result()).text).toBe('re: again')
    expect(await said(set)).toEqual(['again', 're: again'])
    expect((await set.claw.sessions())[0]?.settings).toEqual({})
    await set.restart()
    expect(await said(set)).toEqual(['again', 're: again'])
  })

  test('is refused while a run is under way, and nothing is lost by it', async () => {
    let isHeld = true
    const set = await stage(new FunctionModel(() => (isHeld ? new Promise(() => {}) : { text: 'done' })))
    const session = set.claw.session(key)
    const run = session.send('go')
    await run.accepted
    await flushEventLoop()
    await expect(session.delete()).rejects.toMatchObject({ code: 'session-busy', isRetryable: true })
    await expect(session.rewind(0)).rejects.toMatchObject({ code: 'session-busy' })
    isHeld = false
    await session.abort()
    await session.delete()
    expect(await session.exists()).toBe(false)
  })

  test('that comes with a message either goes before it or is refused: what was accepted is answered', async () => {
    const set = await talked('hello')
    const session = set.claw.session(key)
    const deleted = session.delete().then(
      () => true,
      () => false,
    )
    const run = session.send('new')
    const [isDeleted, result] = await Promise.all([deleted, run.result()])
    expect(result.text).toBe('re: new')
    expect(await said(set)).toEqual([...(isDeleted ? [] : ['hello', 're: hello']), 'new', 're: new'])
  })

  test('ends those who listen, with a reason', async () => {
    const set = await talked('hello')
    const events: RunEvent[] = []
    const listening = (async () => {
      for await (const event of set.claw.session(key).subscribe()) events.push(event)
    })()
    await flushEventLoop()
    const ended = expect(listening).rejects.toMatchObject({ code: 'unknown-session' })
    await set.claw.session(key).delete()
    await ended
    expect(events.at(-1)).toMatchObject({ type: 'run-end' })
  })
})

describe('rewind', () => {
  test('takes messages back from the history and from what the model sees, for good', async () => {
    const set = await talked('one', 'two')
    expect(await set.claw.session(key).rewind(2)).toBe(2)
    expect(await said(set)).toEqual(['one', 're: one'])
    await set.restart()
    await set.claw.session(key).send('three').result()
    expect(set.model.requests.at(-1)?.messages).toHaveLength(3)
    expect(await said(set)).toEqual(['one', 're: one', 'three', 're: three'])
  })

  test('keeps the keys of what was taken back: a repeat does not run again', async () => {
    const set = await talked('one')
    await set.claw.session(key).rewind(0)
    expect(await set.claw.session(key).send('one', { idempotencyKey: 'one' }).accepted).toMatchObject({ status: 'completed' })
    expect(set.model.requests).toHaveLength(1)
    expect(await said(set)).toEqual([])
  })

  test('never parts a call from its result, and does nothing when all stay', async () => {
    const look = defineTool({ name: 'look', description: 'looks', execute: () => 'seen' })
    const model = new FunctionModel(({ messages }) =>
      messages.at(-1)?.role === 'tool' ? { text: 'done' } : { calls: [{ id: 'a', name: 'look' }] },
    )
    const set = await stage(model, { tools: [look] })
    const session = set.claw.session(key)
    await session.send('look').result()
    expect((await session.history()).messages.map(({ message }) => message.role)).toEqual(['user', 'assistant', 'tool', 'assistant'])
    const { seq } = await session.history()
    expect(await session.rewind(9)).toBe(4)
    expect((await session.history()).seq).toBe(seq)
    expect(await session.rewind(2)).toBe(1)
    expect((await session.history()).total).toBe(1)
  })

  test.each([-1, 1.5, Number.NaN, '1', undefined])('refuses what is no number of messages: %s', async (toMessage) => {
    const set = await talked('one')
    await expect(set.claw.session(key).rewind(toMessage as never)).rejects.toMatchObject({ code: 'invalid-option' })
  })
})

describe('export and import', () => {
  test('carry a conversation with its times, runs, settings and data to another key', async () => {
    const set = await talked('one', 'two')
    await set.claw.session(key).configure({ title: 'Numbers', data: { plan: 'free' }, owner: 'ada' })
    const exported = JSON.parse(JSON.stringify(await set.claw.session(key).export())) as SessionExport
    const copy = set.claw.session('agent:main:copy')
    await copy.import(exported)
    await set.restart()
    const again = await set.claw.session('agent:main:copy').export()
    expect(again).toMatchObject({ messages: exported.messages, settings: exported.settings })
    expect(exported.messages.map(({ runId }) => runId)).toEqual(['one', 'one', 'two', 'two'])
    expect((await set.claw.session('agent:main:copy').send('three').result()).text).toBe('re: three')
    expect(set.model.requests.at(-1)?.messages).toHaveLength(5)
  })

  test('take plain messages', async () => {
    const set = await stage(echo())
    await set.claw.session(key).import([
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: [{ type: 'text', text: 'hi' }] },
    ])
    expect(await said(set)).toEqual(['hello', 'hi'])
  })

  test('begin only what is not there', async () => {
    const set = await talked('one')
    await expect(set.claw.session(key).import([{ role: 'user', content: 'x' }])).rejects.toMatchObject({ code: 'session-exists' })
    await set.claw.session('agent:main:b').configure({ label: 'b' })
    await expect(set.claw.session('agent:main:b').import([])).rejects.toMatchObject({ code: 'session-exists' })
    expect(await said(set)).toEqual(['one', 're: one'])
  })

  const call = { role: 'assistant', content: [{ type: 'tool-call', id: 'a', name: 'look', input: {} }] }
  const result = { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'a', name: 'look', content: 'seen', isError: false }] }
  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'the conversation must be JSON'],
    ['text', 'hello', 'the export must be an object'],
    ['another version', { version: 2, messages: [] }, 'version 2'],
    ['a role that is none', [{ role: 'system', content: 'x' }], 'messages[0].role'],
    ['a message without content', [{ role: 'user' }], 'messages[0].content'],
    ['a result without its call', [result], 'messages[0] holds the result'],
    ['a result that comes too late', [call, { role: 'user', content: 'x' }, result], 'messages[0] makes the call'],
    ['a bad run id', { version: 1, messages: [{ message: { role: 'user', content: 'x' }, runId: 'a b' }] }, 'messages[0].runId'],
    ['a bad time', { version: 1, messages: [{ message: { role: 'user', content: 'x' }, createdAt: 'now' }] }, 'messages[0].createdAt'],
  ])('refuse %s, and begin nothing', async (_, content, problem) => {
    const set = await stage(echo())
    await expect(set.claw.session(key).import(content as never)).rejects.toMatchObject({
      code: 'invalid-message',
      message: expect.stringContaining(problem),
    })
    expect(await set.claw.session(key).exists()).toBe(false)
  })

  test('of more than the store takes is refused, and takes nothing down', async () => {
    const set = await stage(echo(), {}, { store: new MemoryStore({ maxDocumentBytes: 10_000 }) })
    const session = set.claw.session(key)
    await expect(session.import([{ role: 'user', content: 'x'.repeat(20_000) }])).rejects.toMatchObject({ code: 'document-too-large' })
    await session.import([{ role: 'user', content: 'short' }])
    expect(await said(set)).toEqual(['short'])
    await set.clock.advance(2_000)
    await set.claw.drain()
  })

  test('take a setting that is null for one that is not there: after a crash the session is as it was', async () => {
    const set = await stage(new FunctionModel(() => ({ text: 'fine' })))
    const settings = { title: null, label: 'kept' } as never
    await set.claw
      .session(key)
      .import({ version: 1, messages: [{ message: { role: 'user', content: 'hello' }, createdAt: 1, runId: 'r' as never }], settings })
    const claw = await set.restart()
    expect((await claw.session(key).export()).settings).toEqual({ label: 'kept' })
    await claw.stop()
  })

  test('refuse settings that cannot be', async () => {
    const set = await stage(echo())
    const settings = { model: 'nobody/nothing' }
    await expect(set.claw.session(key).import({ version: 1, messages: [], settings })).rejects.toMatchObject({ code: 'invalid-option' })
    await expect(set.claw.session(key).import({ version: 1, messages: [], settings: { data: 'x' } as never })).rejects.toMatchObject({
      code: 'invalid-option',
    })
  })
})

describe('fork', () => {
  test('goes on with the history so far, and the two know nothing of each other', async () => {
    const set = await talked('one', 'two')
    await set.claw.session(key).configure({ data: { a: 1 } })
    const branch = await set.claw.session(key).fork('agent:main:branch', { atMessage: 2 })
    expect((await branch.send('three').result()).text).toBe('re: three')
    expect(await said(set, 'agent:main:branch')).toEqual(['one', 're: one', 'three', 're: three'])
    expect(await said(set)).toEqual(['one', 're: one', 'two', 're: two'])
    expect((await branch.export()).settings).toEqual({ data: { a: 1 } })
    await expect(set.claw.session(key).fork('agent:main:branch')).rejects.toMatchObject({ code: 'session-exists' })
    await expect(set.claw.session(key).fork('branch')).rejects.toMatchObject({ code: 'session-exists' })
    expect((await set.claw.session(key).fork('Twig')).key).toBe('agent:main:twig')
    await expect(set.claw.session(key).fork('no where')).rejects.toMatchObject({
      code: 'invalid-session-key',
      message: expect.stringContaining("sessionKeyOf('main', name)"),
    })
    await expect(set.claw.session('agent:main:none').fork('agent:main:c')).rejects.toMatchObject({ code: 'unknown-session' })
  })

  test('leaves out a call that a run under way has not got the result of', async () => {
    const wait = defineTool({ name: 'wait', description: 'waits', execute: () => new Promise<string>(() => {}) })
    const set = await stage(new FunctionModel(() => ({ calls: [{ id: 'a', name: 'wait' }] })), { tools: [wait] })
    await set.claw.session(key).send('go').accepted
    await flushEventLoop()
    await set.claw.session(key).fork('agent:main:branch')
    expect(await said(set, 'agent:main:branch')).toEqual(['go'])
    set.claw.kill()
  })
})

describe('killed at any write', () => {
  /** Kills everything after so many writes of whatever kind, while `act` is under way, and starts again. */
  async function killedAfter(writes: number, act: (set: Stage) => Promise<unknown>) {
    const store = new TroubledStore()
    const set = await stage(echo(), {}, { store })
    await set.claw.session(key).configure({ data: { keep: true } })
    await set.claw.session(key).send('one', { idempotencyKey: 'one' }).result()
    await set.clock.advance(10_000)
    let left = writes
    let isOver = false
    const before = async (): Promise<void> => {
      if (isOver) return new Promise(() => {})
      if (left-- > 0) return
      isOver = true
      set.claw.kill()
      return new Promise(() => {})
    }
    const own = { append: store.before, put: store.put, delete: store.delete, deleteLog: store.deleteLog, openLog: store.openLog }
    const index = { put: store.index.put, delete: store.index.delete }
    store.before = before
    store.put = async (...args) => before().then(() => own.put.apply(store, args))
    store.delete = async (...args) => before().then(() => own.delete.apply(store, args))
    store.deleteLog = async (...args) => before().then(() => own.deleteLog.apply(store, args))
    store.openLog = async (...args) => before().then(() => own.openLog.apply(store, args))
    store.index.put = async (...args) => before().then(() => index.put.apply(store.index, args))
    store.index.delete = async (...args) => before().then(() => index.delete.apply(store.index, args))
    const settled = act(set).then(
      () => true,
      () => false,
    )
    const isDone = await Promise.race([settled, flushEventLoop().then(() => false)])
    const wasKilled = isOver
    Object.assign(store, { before: own.append, put: own.put, delete: own.delete, deleteLog: own.deleteLog, openLog: own.openLog })
    Object.assign(store.index, index)
    const claw = await set.restart()
    await claw.resumed
    await flushEventLoop()
    return { set, claw, isDone, wasKilled }
  }

  /** Runs the story with a kill at each write in turn, until there was none left to be killed at. */
  async function atEveryWrite(
    act: (set: Stage) => Promise<unknown>,
    check: (outcome: Awaited<ReturnType<typeof killedAfter>>) => Promise<void>,
  ): Promise<number> {
    for (let writes = 0; ; writes++) {
      const outcome = await killedAfter(writes, act)
      await check(outcome)
      if (!outcome.wasKilled) {
        expect(outcome.isDone).toBe(true)
        return writes
      }
    }
  }

  test('a deletion leaves a session whole or none, and can be repeated', async () => {
    const seen = new Set<boolean>()
    const writes = await atEveryWrite(
      ({ claw }) => claw.session(key).delete(),
      async ({ set, claw, isDone }) => {
        const session = claw.session(key)
        const exists = await session.exists()
        seen.add(exists)
        if (isDone) expect(exists).toBe(false)
        expect((await claw.sessions()).map(({ settings }) => settings)).toEqual(exists ? [{ data: { keep: true } }] : [])
        if (exists) expect(await said(set)).toEqual(['one', 're: one'])
        else await expect(session.history()).rejects.toMatchObject({ code: 'unknown-session' })
        await session.delete()
        expect(await session.exists()).toBe(false)
        await session.send('new', { idempotencyKey: 'one' }).result()
        expect((await session.export()).settings).toEqual({})
        expect(await said(set)).toEqual(['new', 're: new'])
      },
    )
    expect(writes).toBeGreaterThan(3)
    expect(seen).toEqual(new Set([true, false]))
  })

  test('a deletion that was not finished leaves nothing to a session that begins anew', async () => {
    await atEveryWrite(
      ({ claw }) => claw.session(key).delete(),
      async ({ set, claw }) => {
        if (await claw.session(key).exists()) return
        await claw.session(key).send('new').result()
        expect((await claw.session(key).export()).settings).toEqual({})
        expect(await said(set)).toEqual(['new', 're: new'])
      },
    )
  })

  test('a rewind is done or not', async () => {
    const seen = new Set<number>()
    await atEveryWrite(
      ({ claw }) => claw.session(key).rewind(0),
      async ({ claw, isDone }) => {
        const { total } = await claw.session(key).history()
        seen.add(total)
        if (isDone) expect(total).toBe(0)
        expect([0, 2]).toContain(total)
      },
    )
    expect(seen).toEqual(new Set([0, 2]))
  })

  test('a fork has all of the history and the settings, or can be made', async () => {
    const seen = new Set<boolean>()
    await atEveryWrite(
      ({ claw }) => claw.session(key).fork('agent:main:branch'),
      async ({ set, claw, isDone }) => {
        const repeated = await claw
          .session(key)
          .fork('agent:main:branch')
          .then(
            () => 'made',
            ({ code }) => code,
          )
        seen.add(repeated === 'made')
        if (isDone) expect(repeated).toBe('session-exists')
        expect(['made', 'session-exists']).toContain(repeated)
        expect(await said(set, 'agent:main:branch')).toEqual(['one', 're: one'])
        expect((await claw.session('agent:main:branch').export()).settings).toEqual({ data: { keep: true } })
      },
    )
    expect(seen).toEqual(new Set([true, false]))
  })
})
