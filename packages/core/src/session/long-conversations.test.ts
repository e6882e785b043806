import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { wrapLog } from '../adapter/wrap-log.ts'
import { BeamClawError } from '../base/errors.ts'
import { defaultTenant, parseSessionKey, type RunId } from '../base/ids.ts'
import { type Message, textOf, zeroUsage } from '../base/messages.ts'
import type { LogEntry } from '../ports/store.ts'
import { CountingStore } from '../testing/counting-store.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'
import { stateOf } from './journal/read-journal.ts'
import type { JournalEntry } from './journal/records.ts'
import { recordData } from './journal/records.ts'
import { journalKey } from './session-names.ts'
import { applyRecord } from './state/apply-record.ts'
import { SessionState } from './state/session-state.ts'

const key = 'agent:main:main'
const copy = 'agent:main:copy'

/** A model whose answers are long, so that conversations with it are summarised again and again. */
function talkative(): FunctionModel {
  let summaries = 0
  return new FunctionModel(({ system, messages }) => {
    if (system?.startsWith('Summarise')) return { text: `Summary ${++summaries}.` }
    return { text: `answer to ${textOf(messages.findLast(({ role }) => role === 'user') as Message)} ${'x'.repeat(2_000)}` }
  })
}

async function summarised(messages = 30, options: Parameters<typeof stage>[2] = {}) {
  const store = new CountingStore()
  const model = talkative()
  const set = await stage(model, { compactAboveTokens: 4_000 }, { store, ...options })
  for (let index = 0; index < messages; index++)
    await set.claw
      .session(key)
      .send(`question ${index}`, { idempotencyKey: `q${index}` })
      .result()
  await flushEventLoop()
  return { set, store, model }
}

const begin = (message: Message | undefined): string => (message === undefined ? '' : textOf(message as never).replace(/ x+$/, ''))
const summariesIn = (set: Stage): string[] => {
  const [first] = set.model.requests.at(-1)?.messages ?? []
  return first === undefined ? [] : [textOf(first as never)]
}

/** Everything that was said, page by page. */
async function saidIn(set: Stage, of = key, limit = 7): Promise<string[]> {
  const said: string[] = []
  for (let before: number | undefined; before !== 0; ) {
    const { messages } = await set.claw.session(of).history({ limit, ...(before === undefined ? {} : { before }) })
    said.unshift(...messages.map(({ message }) => begin(message)))
    expect(messages.map(({ index }) => index)).toEqual(messages.map((_, place) => (messages[0]?.index ?? 0) + place))
    before = messages[0]?.index ?? 0
  }
  return said
}

const exchange = (index: number): string[] => [`question ${index}`, `answer to question ${index}`]
const whole = (messages: number): string[] => Array.from({ length: messages }, (_, index) => exchange(index)).flat()

describe('the history of a conversation that was summarised', () => {
  test('has everything that was said, whatever is read, also after naps, restarts and snapshots', async () => {
    const { set, store } = await summarised(120)
    const { messages, total } = await set.claw.session(key).history()
    expect(total).toBe(240)
    expect(messages.map(({ message }) => begin(message))).toEqual(whole(120))
    expect(store.snapshots.length).toBeGreaterThan(1)
    expect((await set.claw.session(key).inspect()).historyLength).toBe(240)
    expect(await saidIn(set)).toEqual(whole(120))
    await set.clock.advance(120_000)
    expect(await saidIn(set)).toEqual(whole(120))
    await set.restart()
    expect(await saidIn(set, key, 100)).toEqual(whole(120))
    await set.claw.session(key).send('question 120').result()
    expect(summariesIn(set)[0]).toContain('Summary')
    expect(await saidIn(set)).toEqual(whole(121))
  }, 20_000)

  test('comes from memory as far as the context has it', async () => {
    const { set, store } = await summarised(30)
    store.pages = 0
    const { messages } = await set.claw.session(key).history({ limit: 2 })
    expect(messages.map(({ message, index }) => [index, begin(message)])).toEqual([
      [58, 'question 29'],
      [59, exchange(29)[1]],
    ])
    expect(store.pages).toBe(0)
    await set.claw.session(key).history({ limit: 60 })
    expect(store.pages).toBeGreaterThan(0)
  })

  test('has a thousand messages unless another number is asked for', async () => {
    const set = await stage(talkative())
    const messages: Message[] = Array.from({ length: 1_200 }, (_, index) => ({ role: 'user', content: `message ${index}` }))
    await set.claw.session(key).import(messages)
    const page = await set.claw.session(key).history()
    expect(page.total).toBe(1_200)
    expect(page.messages.map(({ message }) => message)).toEqual(messages.slice(200))
    const rest = await set.claw.session(key).history({ before: 200, limit: 5_000 })
    expect(rest.messages.map(({ message }) => message)).toEqual(messages.slice(0, 200))
    expect((await set.claw.session(key).history({ before: 0 })).messages).toEqual([])
    expect((await set.claw.session(key).history({ before: 9_999, limit: 1 })).messages).toMatchObject([{ index: 1_199 }])
    await expect(set.claw.session(key).history({ before: -1 })).rejects.toMatchObject({ code: 'invalid-option' })
  })

  test('tells of an old message that its run failed', async () => {
    const model = talkative()
    const set = await stage(model, { compactAboveTokens: 4_000 })
    const hung = set.claw.session(key).send('question 0', { idempotencyKey: 'lost' })
    await hung.accepted
    await set.claw.session(key).abort('lost')
    await hung.result().catch(() => {})
    for (let index = 1; index < 30; index++) await set.claw.session(key).send(`question ${index}`).result()
    const { messages } = await set.claw.session(key).history({ limit: 1, before: 1 })
    expect(messages).toMatchObject([{ index: 0, runId: 'lost', failure: { code: 'run-aborted' } }])
  })

  test('has results of tools whole that the model sees shortened', async () => {
    const long = 'y'.repeat(9_000)
    const model = new FunctionModel((_request, index) =>
      index < 6 ? { calls: [{ id: `call-${index}`, name: 'look', input: { index } }] } : { text: 'seen' },
    )
    const look = defineTool({ name: 'look', description: 'looks', execute: () => long })
    const set = await stage(model, { tools: [look] })
    await set.claw.session(key).send('look').result()
    await set.restart()
    const { messages } = await set.claw.session(key).history()
    const results = messages.flatMap(({ message }) => (message.role === 'tool' ? message.content : []))
    expect(results.map(({ content }) => content)).toEqual(Array.from({ length: 6 }, () => long))
    // A rewind makes older results the last ones: the model sees them whole again.
    await set.claw.session(key).rewind(7)
    await set.claw.session(key).send('and now').result()
    const shown = model.requests.at(-1)?.messages.flatMap((message) => (message.role === 'tool' ? message.content : []))
    expect(shown?.map(({ content }) => content)).toEqual([long, long, long])
  })
})

describe('a rewind', () => {
  test('to before a summary leaves the messages to there, and the summary before them', async () => {
    const { set } = await summarised(60)
    for (const kept of [70, 40, 13, 2]) {
      expect(await set.claw.session(key).rewind(kept)).toBe(kept)
      expect(await saidIn(set)).toEqual(whole(60).slice(0, kept))
      await set.claw.session(key).send('question n').result()
      const shown = set.model.requests.at(-1)?.messages.map((message) => begin(message)) ?? []
      // What the model sees ends with all that is left since the summary, and with the question.
      const since = shown[0]?.startsWith('Summary') === true ? shown.slice(1) : shown
      expect([...whole(60).slice(0, kept), 'question n'].slice(-since.length)).toEqual(since)
      expect(shown.length).toBeGreaterThan(1)
      if (kept === 2) expect(shown).toEqual([...exchange(0), 'question n'])
      await set.restart()
      expect(await saidIn(set)).toEqual([...whole(60).slice(0, kept), 'question n', 'answer to question n'])
      expect(await set.claw.session(key).rewind(kept)).toBe(kept)
    }
  }, 20_000)

  test('that reads the log gives way to a message that comes meanwhile', async () => {
    const { set, store } = await summarised(30)
    const readLog = store.readLog.bind(store)
    const held = Promise.withResolvers<void>()
    store.readLog = async (...args) => {
      await held.promise
      return readLog(...args)
    }
    const rewound = set.claw.session(key).rewind(3)
    await flushEventLoop()
    const run = set.claw.session(key).send('question 30')
    await run.accepted
    held.resolve()
    await expect(rewound).rejects.toMatchObject({ code: 'session-busy' })
    await run.result()
    expect(await saidIn(set)).toEqual(whole(31))
  })
})

describe('a copy of a conversation that was summarised', () => {
  test('has all of it, and goes on with the same context', async () => {
    const { set } = await summarised(30)
    const before = set.model.requests.at(-1)?.messages[0]
    expect(begin(before)).toContain('Summary')
    await set.claw.session(key).fork(copy)
    expect(await saidIn(set, copy)).toEqual(whole(30))
    const tokens = (await set.claw.session(key).inspect()).historyTokens
    expect((await set.claw.session(copy).inspect()).historyTokens).toBe(tokens)
    await set.restart()
    expect((await set.claw.session(copy).inspect()).historyTokens).toBe(tokens)
    await set.claw.session(copy).send('question 30').result()
    expect(await saidIn(set, copy)).toEqual(whole(31))
  })

  test('from a point before the last summary has the context of there', async () => {
    const { set } = await summarised(30)
    await set.claw.session(key).fork(copy, { atMessage: 20 })
    await set.claw.session(key).fork('agent:main:early', { atMessage: 2 })
    expect(await saidIn(set, copy)).toEqual(whole(10))
    await set.claw.session(copy).send('question 10').result()
    const shown = set.model.requests.at(-1)?.messages.map((message) => begin(message)) ?? []
    expect(shown[0]).toContain('Summary')
    expect(
      whole(11)
        .slice(0, 21)
        .slice(-(shown.length - 1)),
    ).toEqual(shown.slice(1))
    expect((await set.claw.session('agent:main:early').export()).context).toBeUndefined()
  })

  test('goes over JSON into another BeamClaw, and can be rewound to before its summary there', async () => {
    const { set } = await summarised(30)
    const exported = JSON.parse(JSON.stringify(await set.claw.session(key).export()))
    expect(exported.context).toMatchObject({ summary: expect.stringContaining('Summary'), from: expect.any(Number) })
    const other = await stage(talkative(), { compactAboveTokens: 4_000 })
    await other.claw.session(key).import(exported)
    expect(await saidIn(other)).toEqual(whole(30))
    expect((await other.claw.session(key).export()).context).toEqual(exported.context)
    await other.claw.session(key).rewind(4)
    await other.claw.session(key).send('question n').result()
    expect(other.model.requests.at(-1)?.messages.map((message) => begin(message))).toEqual([...whole(2), 'question n'])
  })

  test('of an export without a context has all messages in its context', async () => {
    const { set } = await summarised(12)
    const { context: _, ...exported } = await set.claw.session(key).export()
    await set.claw.session(copy).import(exported)
    expect(await saidIn(set, copy)).toEqual(whole(12))
    const { historyTokens } = await set.claw.session(copy).inspect()
    expect(historyTokens).toBeGreaterThan((await set.claw.session(key).inspect()).historyTokens)
  })

  test.each<[string, unknown, string]>([
    ['none', 'x', 'context'],
    ['without a summary', { from: 1 }, 'context.summary'],
    ['with a blank summary', { summary: '  ', from: 1 }, 'context.summary'],
    ['of no messages', { summary: 's', from: 0 }, 'context.from'],
    ['of more messages than there are', { summary: 's', from: 4 }, 'context.from'],
    ['of half a message', { summary: 's', from: 1.5 }, 'context.from'],
    ['that separates a call from its result', { summary: 's', from: 2 }, 'context.from'],
  ])('is refused with a context that is %s', async (_, context, path) => {
    const set = await stage(talkative())
    const messages = [
      { message: { role: 'user', content: 'look' } },
      { message: { role: 'assistant', content: [{ type: 'tool-call', id: 'c', name: 'look', input: {} }] } },
      { message: { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'c', name: 'look', content: 'seen', isError: false }] } },
    ]
    const given = { version: 1, messages, context, settings: {} } as never
    await expect(set.claw.session(key).import(given)).rejects.toMatchObject({
      code: 'invalid-message',
      message: expect.stringContaining(path),
    })
    expect(await set.claw.session(key).exists()).toBe(false)
  })
})

describe('a snapshot', () => {
  test('does not grow with the transcript, but for its marks', async () => {
    const { store } = await summarised(400, { sessions: { rememberedRuns: 5 } })
    const sizes = store.snapshots.map(({ state }) => JSON.stringify(state).length)
    expect(sizes.length).toBeGreaterThan(5)
    expect(Math.max(...sizes.slice(-3))).toBeLessThan(Math.max(...sizes.slice(0, 3)) + 4_000)
  }, 20_000)

  test('is taken once enough was written in all lives of the session together', async () => {
    const store = new CountingStore()
    const set = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
    // Each life writes a few records, and ends with a kill.
    for (let life = 0; life < 60 && store.snapshots.length === 0; life++) {
      await set.claw.session(key).send(`message ${life}`).result()
      await flushEventLoop()
      await set.restart()
    }
    expect(store.snapshots[0]?.seq).toBeGreaterThanOrEqual(200)
    expect(store.snapshots[0]?.seq).toBeLessThan(210)
  })

  test('is taken once much was written, in however few records', async () => {
    const store = new CountingStore()
    const set = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
    await set.claw.session(key).send('x'.repeat(100_000)).result()
    await flushEventLoop()
    expect(store.snapshots).toEqual([])
    await set.claw.session(key).send('x'.repeat(200_000)).result()
    await flushEventLoop()
    expect(store.snapshots).toHaveLength(1)
  })

  test.each([
    ['falls asleep', 'is taken of a smaller part', (set: Stage) => set.clock.advance(120_000), 1],
    // A drain ends all sessions of its node at once: it would keep the store from those that go on elsewhere.
    ['is stopped', 'is not taken', (set: Stage) => set.claw.stop(), 0],
  ] as const)('when the session %s, one %s', async (_, __, rest, taken) => {
    for (const [messages, expected] of [
      [3, 0],
      [11, taken],
    ] as const) {
      const store = new CountingStore()
      const set = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
      for (let index = 0; index < messages; index++) await set.claw.session(key).send(`message ${index}`).result()
      await flushEventLoop()
      expect(store.snapshots).toHaveLength(0)
      await rest(set)
      await flushEventLoop()
      expect(store.snapshots).toHaveLength(expected)
    }
  })

  test('that fails when the session falls asleep costs nothing: it goes on from its journal', async () => {
    const store = new CountingStore()
    const openLog = store.openLog.bind(store)
    let failures = 0
    store.openLog = async (...args) => {
      const log = await openLog(...args)
      return wrapLog(log, {
        snapshot: async () => {
          failures++
          await log.close()
          throw new BeamClawError('store-io', 'broken disk')
        },
      })
    }
    const set = await stage(new FunctionModel((_request, index) => ({ text: `answer ${index}` })), {}, { store })
    for (let index = 0; index < 11; index++) await set.claw.session(key).send(`message ${index}`).result()
    await set.clock.advance(120_000)
    expect(failures).toBe(1)
    expect((await set.claw.session(key).inspect()).isAwake).toBe(false)
    expect((await set.claw.session(key).send('next').result()).text).toBe('answer 11')
    expect((await set.claw.session(key).history()).total).toBe(24)
  })
})

test('a session of 100,000 messages wakes by its snapshot and what came after it, and reads a page of its past alone', async () => {
  const store = new CountingStore()
  const state = new SessionState({ rememberedRuns: 100, rememberRunsForMs: 1e12 })
  const log = await store.openLog(journalKey(defaultTenant, parseSessionKey(key)), { epoch: 0, nonce: 'test' })
  let records: LogEntry[] = []
  const add = async (entry: JournalEntry): Promise<void> => {
    const seq = state.seq + 1
    const record = { seq, type: entry.type, id: `${seq}`, ts: seq, data: recordData(entry) }
    applyRecord(state, record)
    records.push(record)
    if (records.length < 1_000) return
    await log.append(records)
    records = []
  }
  const talk = async (run: number, messages: number): Promise<void> => {
    const runId = `run-${run}` as RunId
    await add({ type: 'message-in', runId, message: { role: 'user', content: `question ${run}` }, queueMode: 'queue' })
    await add({ type: 'run-start', runId })
    for (let turn = 1; turn < messages; turn++) {
      await add({ type: 'model-request', runId, turn, attempt: 1, model: 'm' })
      const message = { role: 'assistant', content: [{ type: 'text', text: `answer ${run}.${turn}` }] } as const
      await add({ type: 'model-response', runId, turn, message, finish: 'stop', usage: zeroUsage })
    }
    const dropped = state.shown.messages().length - 2
    await add({ type: 'history-compact', runId, summary: `All until run ${run}.`, dropped, usage: zeroUsage })
    await add({ type: 'run-end', runId, outcome: 'completed' })
  }
  for (let run = 0; run < 2_000; run++) await talk(run, 50)
  await log.append(records)
  records = []
  await log.snapshot({ seq: state.seq, state: JSON.parse(JSON.stringify(state.toSnapshot())) })
  await talk(2_000, 3)
  await log.append(records)
  await log.close()
  expect(
    stateOf(await (await store.openLog(journalKey(defaultTenant, parseSessionKey(key)), { epoch: 0, nonce: 'test' })).read()).total,
  ).toBe(100_003)
  // As another process has left it: the index is whole, and no session has work.
  await store.index.complete(defaultTenant)
  const activity = await store.openLog([defaultTenant, 'activity'], { epoch: 0, nonce: 'test' })
  await activity.append([{ seq: 1, type: 'idle', id: 'a', ts: 1, data: { sessionKey: key } }])
  store.loaded = 0
  store.paged = 0
  const set = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
  const page = await set.claw.session(key).history({ limit: 10 })
  expect(page.total).toBe(100_003)
  expect(store.loaded).toBeLessThan(20)
  const old = await set.claw.session(key).history({ limit: 50, before: 50_050 })
  expect(old.messages.map(({ message }) => begin(message)).slice(0, 2)).toEqual(['question 1000', 'answer 1000.1'])
  expect(old.messages).toHaveLength(50)
  expect(store.paged).toBeLessThan(500)
  await set.claw.session(key).send('next').result()
  expect(set.model.requests.at(-1)?.messages).toHaveLength(4)
  expect(store.loaded).toBeLessThan(20)
}, 60_000)
