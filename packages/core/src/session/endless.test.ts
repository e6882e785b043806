/** What does not end by itself: providers, tools and stores that would keep a session for ever. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { Provider, ProviderPart } from '../ports/provider.ts'
import type { LogEntry } from '../ports/store.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { textAnswer } from '../testing/scripted-provider.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'
const never = (): Promise<never> => new Promise(() => {})

/** A provider whose streams are these, in turn, and then a text. */
function providerOf(...streams: readonly (() => AsyncIterable<ProviderPart>)[]): Provider & { asked: number } {
  const provider = {
    asked: 0,
    doStream: () =>
      streams[provider.asked++]?.() ??
      (async function* () {
        yield* textAnswer('fine')
      })(),
  }
  return provider
}

async function stageOf(provider: Provider, options: Parameters<typeof stage>[2] = {}, agent: Parameters<typeof stage>[1] = {}) {
  return stage(new FunctionModel(() => ({ text: 'unused' })), agent, { providers: { test: provider }, ...options })
}

describe('a run that is aborted ends, and the next one begins', () => {
  test('when its provider ignores its signal', async () => {
    const { claw } = await stageOf(
      providerOf(async function* () {
        yield await never()
      }),
    )
    const run = claw.session(key).send('hello')
    const failed = expect(run.result()).rejects.toMatchObject({ code: 'run-aborted' })
    await run.accepted
    await flushEventLoop()
    await claw.session(key).abort()
    await failed
    expect((await claw.session(key).send('next').result()).text).toBe('fine')
  })

  test('when the schema of its tool never answers; and by itself when the time of the tool is up', async () => {
    const slow = defineTool({
      name: 'slow',
      description: 'never gets to run',
      timeoutMs: 200,
      inputSchema: { type: 'object' },
      input: { '~standard': { version: 1, vendor: 'test', validate: never } },
      execute: () => 'ran',
    })
    const call = async function* (): AsyncGenerator<ProviderPart> {
      yield { type: 'tool-call', id: '1', name: 'slow', input: {} }
      yield { type: 'finish', reason: 'tool-calls', usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 } }
    }
    const set = await stageOf(providerOf(call), {}, { tools: [slow] })
    const run = set.claw.session(key).send('hello')
    await run.accepted
    await flushEventLoop()
    await set.clock.advance(200)
    expect((await run.result()).text).toBe('fine')
    const { messages } = await set.claw.session(key).history()
    expect(JSON.stringify(messages)).toContain('did not finish within 200 ms')
  })
})

describe('an answer', () => {
  test('is there although the stream stays open after its finish', async () => {
    const set = await stageOf(
      providerOf(async function* () {
        yield* textAnswer('whole')
        await never()
      }),
    )
    const result = set.claw.session(key).send('hello').result()
    await flushEventLoop()
    await set.clock.advance(1_000)
    expect((await result).text).toBe('whole')
  })

  test('is there although the stream fails after its finish', async () => {
    const { claw } = await stageOf(
      providerOf(async function* () {
        yield* textAnswer('whole')
        throw new Error('late')
      }),
    )
    expect((await claw.session(key).send('hello').result()).text).toBe('whole')
  })

  test.each<[string, ProviderPart]>([
    ['text', { type: 'text-delta', text: 'x'.repeat(1_000_000) }],
    ['thinking', { type: 'thinking-delta', text: 'x'.repeat(1_000_000) }],
    ['tool calls', { type: 'tool-call', id: 'a', name: 'nobody', input: {} }],
  ])('that does not end is broken off, and asked for once: %s', async (_what, part) => {
    const provider = providerOf(async function* () {
      for (;;) yield part
    })
    const { claw } = await stageOf(provider)
    await expect(claw.session(key).send('hello').result()).rejects.toMatchObject({ code: 'provider-protocol' })
    expect(provider.asked).toBe(1)
    expect((await claw.session(key).send('next').result()).text).toBe('fine')
  })
})

describe('a store that takes records up to a size', () => {
  /** Refuses every batch with a record, or a snapshot, of more than 10,000 characters. */
  function narrowStore(): MemoryStore {
    const store = new MemoryStore()
    const openLog = store.openLog.bind(store)
    const refuse = (value: unknown): void => {
      if (JSON.stringify(value).length > 10_000) throw new BeamClawError('document-too-large', 'more than 10000 bytes')
    }
    store.openLog = async (logKey, token) => {
      const log = await openLog(logKey, token)
      const { append, snapshot: take } = log
      log.append = async (records: readonly LogEntry[]) => {
        for (const record of records) refuse(record)
        await append.call(log, records)
      }
      log.snapshot = async (snapshot) => {
        refuse(snapshot)
        await take.call(log, snapshot)
      }
      return log
    }
    return store
  }

  test('fails the run whose answer is larger, once, and the session goes on', async () => {
    const provider = providerOf(async function* () {
      yield* textAnswer('x'.repeat(20_000))
    })
    const set = await stageOf(provider, { store: narrowStore() })
    const run = set.claw.session(key).send('hello')
    const failed = expect(run.result()).rejects.toMatchObject({ code: 'document-too-large' })
    await flushEventLoop()
    await set.clock.advance(5_000)
    await failed
    expect(provider.asked).toBe(1)
    expect((await set.claw.session(key).send('next').result()).text).toBe('fine')
  })

  test('refuses a message that is larger to its sender, and the run under way goes on', async () => {
    const gate = Promise.withResolvers<void>()
    const provider = providerOf(async function* () {
      await gate.promise
      yield* textAnswer('first')
    })
    const set = await stageOf(provider, { store: narrowStore() })
    const session = set.claw.session(key)
    const first = session.send('hello')
    await first.accepted
    await expect(session.send('x'.repeat(20_000)).accepted).rejects.toMatchObject({ code: 'document-too-large' })
    gate.resolve()
    await flushEventLoop()
    await set.clock.advance(5_000)
    expect((await session.follow(first.runId).result()).text).toMatch(/first|fine/)
  })

  test('refuses a snapshot that is larger, and the session goes on without', async () => {
    const set = await stageOf(providerOf(), { store: narrowStore() })
    for (let index = 0; index < 80; index++)
      await set.claw
        .session(key)
        .send(`${index} ${'x'.repeat(300)}`)
        .result()
    await flushEventLoop()
    expect((await set.claw.session(key).send('next').result()).text).toBe('fine')
    expect((await set.claw.session(key).inspect()).generation).toBe(1)
  })
})

test('a store that keeps failing is asked again at longer and longer intervals', async () => {
  const store = new MemoryStore()
  const openLog = store.openLog.bind(store)
  store.openLog = async (logKey, token) => {
    const log = await openLog(logKey, token)
    const { append } = log
    if (logKey[1] === 'sessions')
      log.append = async (records) => {
        if (records.some(({ type }) => type === 'model-response')) throw new BeamClawError('store-io', 'not this one')
        await append.call(log, records)
      }
    return log
  }
  const provider = providerOf()
  const set = await stageOf(provider, { store })
  const run = set.claw.session(key).send('hello')
  run.result().catch(() => {})
  await run.accepted
  await set.clock.advance(120_000)
  expect(provider.asked).toBeGreaterThan(5)
  expect(provider.asked).toBeLessThan(25)
})
