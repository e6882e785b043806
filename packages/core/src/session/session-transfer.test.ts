import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import type { AssistantMessage, Message, ToolMessage } from '../base/messages.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'
import { checkedImport } from './session-transfer.ts'

const key = 'agent:main:main'
const user: Message = { role: 'user', content: 'x' }
const asks = (...ids: string[]): AssistantMessage => ({
  role: 'assistant',
  content: ids.map((id) => ({ type: 'tool-call', id, name: 'look', input: {} })),
})
const gives = (...ids: string[]): ToolMessage => ({
  role: 'tool',
  content: ids.map((toolCallId) => ({ type: 'tool-result', toolCallId, name: 'look', content: 'seen', isError: false })),
})

describe('an import is refused, with the place and what to do', () => {
  test.each<[string, readonly Message[], RegExp]>([
    [
      'a call without a result at the end',
      [user, asks('a')],
      /messages\[1\] makes the call "a", and the message after it has no result of it; put all results/,
    ],
    ['a call without a result in the middle', [user, asks('a'), user], /messages\[1\] makes the call "a"/],
    ['one call of two without a result', [user, asks('a', 'b'), gives('a'), user], /messages\[1\] makes the call "b"/],
    ['results in two messages', [user, asks('a', 'b'), gives('a'), gives('b')], /messages\[1\] makes the call "b", .* one tool message/],
    [
      'two calls with one id',
      [user, asks('a', 'b', 'a'), gives('a', 'b')],
      /messages\[1\] makes two calls with the id "a"; give each call/,
    ],
    ['two results of one call', [user, asks('a'), gives('a', 'a')], /messages\[2\] holds two results of the call "a"; keep one/],
    ['a result without a call', [user, gives('a')], /messages\[1\] holds the result of a call, "a", .* take the result out/],
    ['a result beside those that were called for', [user, asks('a'), gives('a', 'b')], /messages\[2\] holds the result of a call, "b"/],
  ])('%s', async (_, messages, problem) => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })))
    const refused = { code: 'invalid-message', message: expect.stringMatching(problem) }
    await expect(claw.session(key).import(messages)).rejects.toMatchObject(refused)
    const entries = messages.map((message) => ({ message, createdAt: 1, runId: 'r' as never }))
    await expect(claw.session(key).import({ version: 1, messages: entries, settings: {} })).rejects.toMatchObject(refused)
    expect(await claw.session(key).exists()).toBe(false)
    claw.kill()
  })
})

test('ids of calls may come again in later messages: some services count them anew', () => {
  const messages = [user, asks('a'), gives('a'), asks('a', 'b'), gives('b', 'a'), asks()]
  expect(checkedImport(messages).messages.map(({ message }) => message)).toEqual(messages)
})

describe('what is exported can be imported', () => {
  const wait = defineTool({ name: 'look', description: 'waits', execute: () => new Promise<string>(() => {}) })
  const asking = (): FunctionModel =>
    new FunctionModel(({ messages }) => (messages.at(-1)?.content === 'go' ? { calls: [{ id: 'a', name: 'look' }] } : { text: 'fine' }))

  async function expectRoundTrip(set: Stage): Promise<readonly Message[]> {
    const exported = JSON.parse(JSON.stringify(await set.claw.session(key).export()))
    await set.claw.session('agent:main:copy').import(exported)
    const { messages } = await set.claw.session('agent:main:copy').export()
    expect(messages).toEqual(exported.messages)
    return messages.map(({ message }) => message)
  }

  test.each<[string, (set: Stage) => Promise<unknown>]>([
    ['in the middle of a call', async () => {}],
    ['after an abort', ({ claw }) => claw.session(key).abort()],
    ['after an interruption by another message', ({ claw }) => claw.session(key).send('other', { queueMode: 'interrupt' }).result()],
    ['after a message that joined', ({ claw }) => claw.session(key).send('other', { queueMode: 'steer' }).accepted],
    ['after a crash', (set) => set.restart()],
  ])('%s', async (_, interrupt) => {
    const set = await stage(asking(), { tools: [wait] })
    onTestFinished(() => void set.claw.kill())
    await set.claw.session(key).send('go').accepted
    await flushEventLoop()
    await interrupt(set)
    await flushEventLoop()
    expect((await expectRoundTrip(set))[0]).toMatchObject({ content: 'go' })
  })

  test('after a call whose result the store did not take: the model is shown that nobody knows what came of it', async () => {
    const huge = defineTool({ name: 'look', description: 'looks', execute: () => 'x'.repeat(20_000) })
    const set = await stage(asking(), { tools: [huge] }, { store: new MemoryStore({ maxDocumentBytes: 10_000 }) })
    onTestFinished(() => void set.claw.kill())
    const failed = expect(set.claw.session(key).send('go').result()).rejects.toMatchObject({ code: 'document-too-large' })
    await flushEventLoop()
    await set.clock.advance(5_000)
    await failed
    await set.claw.session(key).send('next').result()
    const shown = await expectRoundTrip(set)
    expect(shown.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user', 'assistant'])
    expect(shown[2]?.content).toMatchObject([{ toolCallId: 'a', isError: true, content: expect.stringContaining('Outcome unknown') }])
    expect(set.model.requests.at(-1)?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user'])
  })

  test('where an earlier version has left a call without a result, and two calls with one id', async () => {
    const set = await stage(asking())
    onTestFinished(() => void set.claw.kill())
    const messages = [user, asks('a'), user, asks('b', 'b'), gives('b'), { role: 'assistant', content: [] }]
    const context = { from: 0, wholeFrom: 0, messages, origins: messages.map(() => ({ seq: 1, at: 1, runId: 'r' })) }
    const index = { total: messages.length, marks: [[1, 0]], summaries: [], handOffs: [] }
    const state = {
      version: 2,
      context,
      ...index,
      waiting: [],
      runs: [],
      deadLetters: [],
      createdAt: 1,
      updatedAt: 1,
      size: { journal: 1, attachments: 0 },
    }
    const log = await set.store.openLog(['default', 'sessions', 'main', 'main'] as never, { epoch: 1, nonce: 'n' } as never)
    await log.append([{ seq: 1, type: 'run-pause', id: 'x', ts: 1, data: { runId: 'r' } } as never])
    await log.snapshot({ seq: 1, state: state as never })
    await log.close()
    const shown = await expectRoundTrip(set)
    expect(shown).toMatchObject([
      user,
      asks('a'),
      { role: 'tool', content: [{ toolCallId: 'a', isError: true }] },
      user,
      asks('b'),
      gives('b'),
      { role: 'assistant' },
    ])
  })
})

test('a message that cannot be read is named by its place', () => {
  expect(() => checkedImport([user, { role: 'user' }])).toThrow(BeamClawError)
  expect(() => checkedImport([user, { role: 'user' }])).toThrow(/messages\[1\].content/)
})
