import { LocalEventBus } from '@beamclaw/actor'
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import type { RunEvent } from '../base/events.ts'
import { defaultTenant } from '../base/ids.ts'
import type { JsonObject, JsonValue, UserMessage } from '../base/messages.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { Provider, ProviderPart } from '../ports/provider.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { partTree } from '../testing/parts.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'
const other = 'agent:main:other'
const fine = (): FunctionModel => new FunctionModel(() => ({ text: 'fine' }))

describe('a message', () => {
  const malformed: readonly [unknown, string][] = [
    [[{ type: 'film' }], 'content[0].type'],
    [[{ type: 'file' }], 'content[0].mediaType'],
    [[{ type: 'file', mediaType: 'application/pdf' }], 'content[0]'],
    [[{ type: 'file', mediaType: 'application/pdf', data: 'AAAA', name: 5 }], 'content[0].name'],
    [[{ type: 'text' }], 'content[0].text'],
    [[{ type: 'text', text: '' }], 'content[0].text'],
    [[{ type: 'text', text: 5 }], 'content[0].text'],
    [[{ type: 'text', text: 'fine' }, null], 'content[1]'],
    [[null], 'content[0]'],
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
    [[,], 'content[0]'],
    [[{ type: 'image' }], 'content[0].mediaType'],
    [[{ type: 'image', mediaType: 'image/png' }], 'content[0]'],
    [[{ type: 'image', mediaType: 'image/png', data: 'AA==', url: 'https://example.com/a.png' }], 'content[0]'],
    [[{ type: 'image', mediaType: 'image/png', data: 5 }], 'content[0].data'],
    [[{ type: 'tool-result', content: 'x' }], 'content[0].type'],
    [5, 'content'],
    [null, 'content'],
    [undefined, 'content'],
    [{}, 'content'],
    [{ length: 1, 0: { type: 'text', text: 'x' } }, 'content'],
    ['', 'content'],
    [[], 'content'],
  ]

  test.each(malformed)('of %j is refused with its place, %s, and nothing is left of it', async (content, place) => {
    const { claw } = await stage(fine())
    const { accepted } = claw.session(key).send(content as UserMessage['content'])
    await expect(accepted).rejects.toMatchObject({ code: 'invalid-message', message: expect.stringContaining(`send: ${place} must`) })
    expect(await claw.sessions()).toEqual([])
  })

  test('that throws when it is read is refused as one that is malformed', async () => {
    const { claw } = await stage(fine())
    const thrower = (): never => {
      throw new Error('read')
    }
    const getter = {
      type: 'text',
      get text() {
        return thrower()
      },
    }
    for (const content of [[getter], new Proxy([], { get: thrower })]) {
      await expect(claw.session(key).send(content as never).accepted).rejects.toMatchObject({ code: 'invalid-message' })
    }
  })

  test('that its sender changes after it was sent is the one that was sent', async () => {
    const { claw, model } = await stage(fine())
    const part = { type: 'text' as const, text: 'before' }
    const content = [part]
    const run = claw.session(key).send(content)
    part.text = 'after'
    content.push({ type: 'text', text: 'more' })
    await run.result()
    expect(model.requests[0]?.messages).toEqual([{ role: 'user', content: [{ type: 'text', text: 'before' }] }])
  })
})

describe('a provider', () => {
  const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 }
  const finish = { type: 'finish', reason: 'stop', usage }
  const cycle: unknown[] = []
  cycle.push(cycle)
  const nested = Array.from({ length: 100 }).reduce<object>((inner) => ({ inner }), {})
  const wrong: readonly (readonly [string, readonly unknown[]])[] = [
    ['null', [null, finish]],
    ['a number', [5, finish]],
    ['text that is no string', [{ type: 'text-delta', text: 5 }, finish]],
    ['thinking without text', [{ type: 'thinking-delta' }, finish]],
    ['metadata that is no object', [{ type: 'thinking-delta', text: 'hm' }, { type: 'thinking-end', providerMetadata: 7 }, finish]],
    ['metadata of no service', [{ type: 'text-end', providerMetadata: { claude: 'signed' } }, finish]],
    ['metadata without end', [{ type: 'text-end', providerMetadata: { claude: { signature: 'x'.repeat(1024 * 1024) } } }, finish]],
    ['metadata that nests without end', [{ type: 'text-end', providerMetadata: { claude: nested } }, finish]],
    ['metadata that is no JSON', [{ ...finish, providerMetadata: { claude: { many: 1n } } }]],
    ['a block of its own without a kind', [{ type: 'custom', providerMetadata: {} }, finish]],
    ['a block of its own without metadata', [{ type: 'custom', kind: 'server_tool_use' }, finish]],
    ['a warning about nothing', [{ type: 'warning', message: 'left out' }, finish]],
    ['a call without input', [{ type: 'tool-call', id: 'a', name: 'look' }, finish]],
    ['a call with a cycle as input', [{ type: 'tool-call', id: 'a', name: 'look', input: cycle }, finish]],
    ['a call with a bigint', [{ type: 'tool-call', id: 'a', name: 'look', input: { many: 1n } }, finish]],
    ['a call without a name', [{ type: 'tool-call', id: 'a', input: {} }, finish]],
    ['an end without usage', [{ type: 'finish', reason: 'stop' }]],
    ['an end with half a usage', [{ type: 'finish', reason: 'stop', usage: { inputTokens: Number.NaN } }]],
    ['an end for no known reason', [{ type: 'finish', reason: 'bored', usage }]],
    ['nothing', []],
  ]

  test.each(wrong)('that sends %s fails its run alone', async (_, parts) => {
    const provider: Provider = {
      async *doStream({ messages }) {
        const isHit = messages.at(-1)?.content === 'hit'
        yield* (isHit ? parts : [{ type: 'text-delta', text: 'fine' }, finish]) as ProviderPart[]
      },
    }
    const clock = new ManualClock()
    const set = await stage(fine(), {}, { providers: { test: provider }, services: { clock, logger: { log: () => {} } } })
    const failing = set.claw.session(key).send('hit').result()
    const isFailing = expect(failing).rejects.toMatchObject({ code: 'provider-protocol' })
    await clock.advance(10_000)
    await isFailing
    expect((await set.claw.session(other).send('hello').result()).text).toBe('fine')
    expect((await set.claw.session(key).send('hello').result()).text).toBe('fine')
    const next = await set.restart()
    expect((await next.session(key).history()).total).toBe(3)
  })

  test('that names two calls of one turn alike, or not at all, gets one result for each', async () => {
    const ran: unknown[] = []
    const keys: string[] = []
    const look = defineTool<{ readonly at?: string }>({
      name: 'look',
      description: 'looks',
      inputSchema: { type: 'object' },
      execute: (input, { idempotencyKey }) => {
        ran.push(input)
        keys.push(idempotencyKey)
        return `saw ${JSON.stringify(input)}`
      },
    })
    const call = (id: string, at: number) => ({ id, name: 'look', input: { at } })
    const model = new FunctionModel((_request, index) =>
      index === 0 ? { calls: [call('same', 1), call('same', 2), call('', 3), call('', 4)] } : { text: 'done' },
    )
    const { claw } = await stage(model, { tools: [look] })
    await claw.session(key).send('go', { idempotencyKey: 'run' }).result()
    expect(ran).toEqual([{ at: 1 }, { at: 2 }, { at: 3 }, { at: 4 }])
    expect(keys).toEqual(['run:1:0', 'run:1:1', 'run:1:2', 'run:1:3'])
    const [, asked, answered, ...rest] = model.requests[1]?.messages ?? []
    const ids = ['same', 'same_2', 'call', 'call_2']
    expect(asked?.content).toMatchObject(ids.map((id) => ({ type: 'tool-call', id })))
    expect(answered?.content).toMatchObject(ids.map((toolCallId) => ({ type: 'tool-result', toolCallId })))
    expect(rest).toEqual([])
  })

  test('that names calls of several turns alike leaves each its own key', async () => {
    const keys: string[] = []
    const look = defineTool({
      name: 'look',
      description: 'looks',
      execute: (_, { idempotencyKey }) => String(keys.push(idempotencyKey)),
    })
    const model = new FunctionModel((_request, index) => (index < 3 ? { calls: [{ id: 'call_0', name: 'look' }] } : { text: 'done' }))
    const { claw } = await stage(model, { tools: [look] })
    await claw.session(key).send('go', { idempotencyKey: 'run' }).result()
    expect(keys).toEqual(['run:1:0', 'run:2:0', 'run:3:0'])
  })
})

describe('a journal', () => {
  const logKey = [defaultTenant, 'sessions', 'main', 'main'] as const
  const text = 'hello'
  const accepted = { runId: 'one', message: { role: 'user', content: text }, queueMode: 'queue' }
  const damaged: readonly (readonly [string, readonly (readonly [string, JsonValue])[]])[] = [
    ['a message of a part that is none', [['message-in', { ...accepted, message: { role: 'user', content: [null] } }]]],
    ['a message of a file', [['message-in', { ...accepted, message: { role: 'user', content: [{ type: 'file' }] } }]]],
    ['a message of a number', [['message-in', { ...accepted, message: { role: 'user', content: 5 } }]]],
    ['a message without one', [['message-in', { runId: 'one', queueMode: 'queue' }]]],
    ['a message that does nobody knows what', [['message-in', { ...accepted, queueMode: 'shout' }]]],
    ['a record without a run', [['run-start', {}]]],
    [
      'a run that shares with a number',
      [
        ['message-in', accepted],
        ['run-start', { runId: 'one', merged: 5 }],
      ],
    ],
    [
      'an answer without content',
      [
        ['message-in', accepted],
        ['run-start', { runId: 'one' }],
        ['model-response', { runId: 'one', turn: 1, message: {}, finish: 'stop', usage: {} }],
      ],
    ],
    ...[{ kind: 5 }, { details: 'text' }, { details: ['list'] }].map((wrong): [string, [string, JsonValue][]] => [
      `an end whose failure has the ${JSON.stringify(wrong)}`,
      [
        ['message-in', accepted],
        ['run-start', { runId: 'one' }],
        ['run-end', { runId: 'one', outcome: 'failed', failure: { code: 'a', message: 'b', ...wrong } }],
      ],
    ]),
    ['a summary of nothing', [['history-compact', { runId: 'one' }]]],
    ['a record from the future', [['from-the-future', { runId: 'one' }]]],
    ['a record named like what every object has', [['constructor', { runId: 'one' }]]],
  ]
  const told = { seq: 1, at: 1, runId: 'a' }
  const sound = {
    version: 2,
    context: { from: 0, wholeFrom: 0, messages: [], origins: [] },
    total: 0,
    marks: [],
    summaries: [],
    handOffs: [],
    waiting: [],
    runs: [],
    deadLetters: [],
    createdAt: 1,
    updatedAt: 1,
  }
  const snapshots: readonly (readonly [string, JsonValue])[] = [
    ['null', null],
    ['a text', 'state'],
    ['of another version', { ...sound, version: 1 }],
    ['without anything', { version: 2 }],
    ['with half a context', { ...sound, total: 1, marks: [[1, 0]], context: { from: 0, wholeFrom: 0, messages: [null], origins: [told] } }],
    ['with more origins than messages', { ...sound, context: { from: 0, wholeFrom: 0, messages: [], origins: [told] } }],
    ['with a context that ends elsewhere', { ...sound, total: 1, marks: [[1, 0]] }],
    ['without marks', { ...sound, total: 1, marks: [], context: { from: 1, wholeFrom: 1, messages: [], origins: [], summary: 's' } }],
    ['with a mark that is none', { ...sound, total: 1, marks: [[1]], context: { from: 1, wholeFrom: 1, messages: [], origins: [] } }],
    ['with a summary that is none', { ...sound, summaries: [{ from: 1 }] }],
    ['with a hand-off to nobody', { ...sound, handOffs: [{ index: 0 }] }],
    ['with a run that is none', { ...sound, runs: [5] }],
    ['with a message that waits for nothing', { ...sound, waiting: [{}] }],
  ]

  /** A store that has this journal, and a session `main` on record as busy. */
  async function storeWith(records: readonly (readonly [string, JsonValue])[], snapshot?: JsonValue): Promise<MemoryStore> {
    const store = new MemoryStore()
    const activity = await store.openLog([defaultTenant, 'activity'], { epoch: 1, nonce: 'a' })
    await activity.append([{ seq: 1, type: 'busy', id: 'b', ts: 1, data: { sessionKey: key } }])
    const log = await store.openLog([...logKey], { epoch: 1, nonce: 'a' })
    await log.append(records.map(([type, data], index) => ({ seq: index + 1, type, id: `r${index}`, ts: 1, data: data as JsonObject })))
    if (snapshot !== undefined) await log.snapshot({ seq: records.length, state: snapshot })
    return store
  }

  async function isItsOwnTrouble(store: MemoryStore): Promise<void> {
    const set = await stage(fine(), {}, { store })
    for (let start = 0; start < 2; start++) {
      await set.claw.resumed
      for (let tries = 0; tries < 5; tries++) {
        await expect(set.claw.session(key).history()).rejects.toMatchObject({ code: 'log-corrupt' })
        await expect(set.claw.session(key).send(`try ${tries}`).accepted).rejects.toMatchObject({ code: 'log-corrupt' })
      }
      await set.clock.advance(120_000)
      expect((await set.claw.session(other).send('hello').result()).text).toBe('fine')
      await set.restart()
    }
    await set.claw.session(other).send('still there').result()
  }

  test.each(damaged)('with %s stops its own session, now and at every later start', async (_, records) => {
    await isItsOwnTrouble(await storeWith(records))
  })

  test.each(snapshots)('with a snapshot that is %s stops its own session', async (_, snapshot) => {
    await isItsOwnTrouble(await storeWith([['message-in', accepted]], snapshot))
  })

  test('in which two calls of a turn have one name is read: they share one result', async () => {
    const calls = ['look', 'look'].map((name) => ({ type: 'tool-call', id: 'same', name, input: {} }))
    const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 }
    const result = { type: 'tool-result', toolCallId: 'same', name: 'look', content: 'seen', isError: false }
    const store = await storeWith([
      ['message-in', accepted],
      ['run-start', { runId: 'one' }],
      ['model-request', { runId: 'one', turn: 1, attempt: 1, model: 'test/model' }],
      ['model-response', { runId: 'one', turn: 1, message: { role: 'assistant', content: calls }, finish: 'tool-calls', usage }],
      ['tool-outcome', { runId: 'one', turn: 1, outcome: 'ok', result }],
    ])
    const { claw } = await stage(fine(), {}, { store })
    expect((await claw.session(key).follow('one').result()).text).toBe('fine')
    expect((await claw.session(key).history()).messages.map(({ message }) => message.role)).toEqual([
      'user',
      'assistant',
      'tool',
      'assistant',
    ])
  })

  test('of who is busy that names nobody does not keep anything from starting', async () => {
    const store = new MemoryStore()
    const activity = await store.openLog([defaultTenant, 'activity'], { epoch: 1, nonce: 'a' })
    const names: readonly JsonValue[] = ['nobody', null, 5, {}]
    await activity.append(names.map((sessionKey, index) => ({ seq: index + 1, type: 'busy', id: `${index}`, ts: 1, data: { sessionKey } })))
    const { claw } = await stage(fine(), {}, { store })
    expect((await claw.session(key).send('hello').result()).text).toBe('fine')
  })

  test.each([null, 5, { busy: 5, seen: [null, [], ['agent:main:a', 'yesterday']] }])(
    'of who is busy with the snapshot %j neither',
    async (state) => {
      const store = new MemoryStore()
      const activity = await store.openLog([defaultTenant, 'activity'], { epoch: 1, nonce: 'a' })
      await activity.append([{ seq: 1, type: 'busy', id: 'x', ts: 1, data: { sessionKey: key } }])
      await activity.snapshot({ seq: 1, state })
      const { claw } = await stage(fine(), {}, { store })
      expect((await claw.session(key).send('hello').result()).text).toBe('fine')
    },
  )

  test('whose session has settings that are none stops its own session, and the list goes on', async () => {
    const store = await storeWith([])
    await store.put([...logKey, 'metadata'], { model: 5 })
    const { claw } = await stage(fine(), {}, { store })
    await claw.session(other).send('hello').result()
    await expect(claw.session(key).send('hello').accepted).rejects.toMatchObject({ code: 'log-corrupt' })
    expect((await claw.sessions()).map(({ sessionKey, settings }) => [sessionKey, settings])).toEqual([
      [key, {}],
      [other, {}],
    ])
  })
})

describe('a session that fails by itself', () => {
  test('refuses with session-broken, goes on from its journal, and costs the others no restart', async () => {
    const events = new LocalEventBus<RunEvent>()
    const store = new MemoryStore()
    const get = store.get.bind(store)
    let fails = 0
    store.get = (documentKey) => {
      if (fails-- > 0) throw new TypeError('a store that does not keep its word')
      return get(documentKey)
    }
    const { claw, clock } = await stage(fine(), {}, { store, events })
    await claw.session(other).send('hello').result()
    fails = 300
    for (let index = 0; index < 300; index++)
      await expect(claw.session(key).send(`message ${index}`).accepted).rejects.toMatchObject({ code: 'session-broken', isRetryable: true })
    fails = 0
    expect((await claw.session(key).send('hello').result()).text).toBe('fine')
    expect((await claw.session(other).send('hello again').result()).text).toBe('fine')
    await clock.advance(0)
  })

  test('in the same step each time gives up the run, and nothing else', async () => {
    const model = new FunctionModel(({ messages }) => ({ text: messages.at(-1)?.content === 'hit' ? 'hit' : 'fine' }))
    const { claw, clock } = await stage(model)
    // An agent that is looked at throws, as long as the run is under way.
    let isHit = true
    const [agent] = claw.agents
    const trap = { ...agent } as never
    Object.defineProperty(trap, 'maxTurns', {
      get: () => {
        if (isHit) throw new TypeError('this definition is a trap')
        return 50
      },
    })
    claw.updateAgents([trap])
    await claw.session(key).send('hit', { idempotencyKey: 'hit' }).accepted
    for (let tries = 0; tries < 3; tries++) await clock.advance(1_000)
    isHit = false
    await clock.advance(1_000)
    await flushEventLoop()
    expect((await claw.session(key).follow('hit').result()).text).toBe('hit')
    expect((await claw.session(key).send('hello').result()).text).toBe('fine')
    const sessions = partTree(claw, 'sessions')?.children
    expect(sessions).toMatchObject([{ id: key, restarts: 0 }])
  })

  test('because of the bus it tells loses nothing', async () => {
    const events = new LocalEventBus<RunEvent>()
    events.publish = () => {
      throw new TypeError('nobody listens')
    }
    const { claw } = await stage(fine(), {}, { events })
    await claw.session(key).send('hello', { idempotencyKey: 'one' }).accepted
    await flushEventLoop()
    expect((await claw.session(key).follow('one').result()).text).toBe('fine')
  })
})
