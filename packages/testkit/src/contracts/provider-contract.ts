/** The contract of the Provider port as a test suite: an adapter that passes it is a correct Provider. */
import type { ProviderPart, ProviderRequest } from '@beamclaw/core'
import * as assert from './assert.ts'
import { type ContractOptions, declareContract } from './contract.ts'
import { abortTests, silenceTests } from './provider-abort-contract.ts'
import { failureTests } from './provider-failure-contract.ts'
import { ask, hear, type ProviderTests, type ProviderUnderTest, question, textOf, tool, typesOf } from './provider-fixtures.ts'
import { metadataTests } from './provider-metadata-contract.ts'
import { requestTests } from './provider-request-contract.ts'

const answerTests: ProviderTests = {
  async 'an answer is text and then exactly one finish'(subject) {
    await subject.arrange({ type: 'text' })
    const { parts, error } = await hear(ask(subject))
    assert.equal(error, undefined)
    assert.equal(typesOf(parts).filter((type) => type === 'finish').length, 1)
    assert.matches(parts.at(-1), { type: 'finish', reason: 'stop' })
    assert.greater(textOf(parts).length, 0)
  },
  async 'usage is four counts of tokens, perhaps with two parts of them, and none is negative'(subject) {
    await subject.arrange({ type: 'text' })
    const last = (await hear(ask(subject))).parts.at(-1)
    if (last?.type !== 'finish') return assert.fail('the answer had no finish')
    assert.isTrue(typeof last.usage === 'object' && last.usage !== null, 'the finish has a usage')
    const { reasoningTokens = 0, longCacheWriteTokens = 0, ...counts } = last.usage
    assert.equal(Object.keys(counts).toSorted(), ['cacheReadTokens', 'cacheWriteTokens', 'inputTokens', 'outputTokens'])
    assert.atMost(reasoningTokens, counts.outputTokens, 'reasoningTokens, a part of outputTokens')
    assert.atMost(longCacheWriteTokens, counts.cacheWriteTokens, 'longCacheWriteTokens, a part of cacheWriteTokens')
    for (const [name, count] of Object.entries(last.usage)) {
      assert.isTrue(Number.isInteger(count) && count >= 0, `${name} is a whole number from 0, received ${count}`)
    }
  },
  async 'nothing is empty: each delta has text'(subject) {
    await subject.arrange({ type: 'text' })
    for (const part of (await hear(ask(subject))).parts) if (part.type === 'text-delta') assert.notEqual(part.text, '')
  },
  async 'after the finish nothing more comes'(subject) {
    await subject.arrange({ type: 'text' })
    const parts = ask(subject)[Symbol.asyncIterator]()
    for (let count = 0, last = ''; last !== 'finish'; count++) {
      const next = await parts.next()
      if (next.done === true) return assert.fail('the answer ended without a finish')
      last = next.value.type
      assert.atMost(count, 10_000, 'parts of a short answer')
    }
    for (let count = 0; count < 3; count++) assert.equal(await parts.next(), { done: true }, 'after the finish')
  },
  async 'every part is of a known type, with the fields of that type'(subject) {
    await subject.arrange({ type: 'tool-call' })
    const { parts } = await hear(ask(subject, { tools: [tool] }))
    const fields: Readonly<Record<ProviderPart['type'], readonly string[]>> = {
      'text-delta': ['text'],
      'thinking-delta': ['text'],
      'text-end': [],
      'thinking-end': [],
      custom: ['kind'],
      warning: ['setting', 'message'],
      'tool-call-start': ['id', 'name'],
      'tool-call-delta': ['id', 'inputText'],
      'tool-call': ['id', 'name'],
      finish: ['reason'],
    }
    for (const part of parts) {
      assert.includes(Object.keys(fields), part.type)
      for (const field of fields[part.type]) {
        assert.equal(typeof (part as unknown as Record<string, unknown>)[field], 'string', `${field} of ${part.type}`)
      }
      if (part.type === 'finish') assert.includes(['stop', 'tool-calls', 'length', 'content-filter', 'other'], part.reason)
    }
  },
  async 'calls do not wait for each other, and share nothing'(subject) {
    for (let count = 0; count < 5; count++) await subject.arrange({ type: 'text' })
    const all = await Promise.all(Array.from({ length: 5 }, () => hear(ask(subject))))
    for (const { parts, error } of all) {
      assert.equal(error, undefined)
      assert.equal(parts.at(-1)?.type, 'finish')
    }
  },
  async 'the request is left as it was'(subject) {
    await subject.arrange({ type: 'text' })
    const request: Partial<ProviderRequest> = { system: 'Be brief.', tools: [tool], messages: [{ role: 'user', content: question }] }
    const before = structuredClone(request)
    await hear(ask(subject, request))
    assert.equal(request, before)
  },
}

const toolTests: ProviderTests = {
  async 'a tool call comes whole, with an id of its own, and once'(subject) {
    await subject.arrange({ type: 'tool-call' })
    const { parts, error } = await hear(ask(subject, { tools: [tool] }))
    assert.equal(error, undefined)
    const calls = parts.filter((part) => part.type === 'tool-call')
    assert.greater(calls.length, 0)
    assert.equal(new Set(calls.map(({ id }) => id)).size, calls.length)
    for (const call of calls) {
      assert.equal(call.name, 'add')
      assert.isTrue(typeof call.input === 'object' && call.input !== null, 'the input of a call is an object')
      assert.greater(call.id.length, 0)
    }
    assert.matches(parts.at(-1), { type: 'finish', reason: 'tool-calls' })
  },
  async 'pieces of a call come between its start and the call'(subject) {
    await subject.arrange({ type: 'tool-call' })
    const { parts } = await hear(ask(subject, { tools: [tool] }))
    const open = new Set<string>()
    for (const part of parts) {
      if (part.type === 'tool-call-start') open.add(part.id)
      if (part.type === 'tool-call-delta') assert.isTrue(open.has(part.id), `a piece of ${part.id} belongs to an open call`)
      if (part.type === 'tool-call') open.delete(part.id)
    }
    assert.equal([...open], [])
  },
  async 'calls at once and after one another have ids of their own'(subject) {
    for (let count = 0; count < 3; count++) await subject.arrange({ type: 'tool-call' })
    const heard = await Promise.all([hear(ask(subject, { tools: [tool] })), hear(ask(subject, { tools: [tool] }))])
    heard.push(await hear(ask(subject, { tools: [tool] })))
    for (const { parts, error } of heard) {
      assert.equal(error, undefined)
      const calls = parts.filter((part) => part.type === 'tool-call')
      assert.greater(calls.length, 0)
      assert.equal(new Set(calls.map(({ id }) => id)).size, calls.length, 'ids within one answer')
      assert.matches(parts.at(-1), { type: 'finish', reason: 'tool-calls' })
    }
  },
  async 'the pieces of a call are its input'(subject) {
    await subject.arrange({ type: 'tool-call' })
    const { parts } = await hear(ask(subject, { tools: [tool] }))
    for (const call of parts.filter((part) => part.type === 'tool-call')) {
      const pieces = parts.flatMap((part) => (part.type === 'tool-call-delta' && part.id === call.id ? [part.inputText] : []))
      if (pieces.length > 0) assert.equal(JSON.parse(pieces.join('')), call.input)
      const starts = parts.filter((part) => part.type === 'tool-call-start' && part.id === call.id)
      assert.atMost(starts.length, 1, `starts of ${call.id}`)
      for (const start of starts) assert.matches(start, { name: call.name })
    }
  },
  async 'a conversation with calls and their results can go on'(subject) {
    await subject.arrange({ type: 'text' })
    const { parts, error } = await hear(
      ask(subject, {
        tools: [tool],
        messages: [
          { role: 'user', content: question },
          { role: 'assistant', content: [{ type: 'tool-call', id: 'call-1', name: 'add', input: { a: 2, b: 3 } }] },
          { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'call-1', name: 'add', content: '5', isError: false }] },
        ],
      }),
    )
    assert.equal(error, undefined)
    assert.equal(parts.at(-1)?.type, 'finish')
  },
}

const exactTests: ProviderTests = {
  async 'the text is that of the service, to the last character'(subject) {
    const text = ' It is “five”: 漢字 🦀 e\u0301, a  b,\n\n"quoted" \\ and\tdone. '
    await subject.arrange({ type: 'say', text, inputTokens: 11, outputTokens: 7 })
    const { parts, error } = await hear(ask(subject))
    assert.equal(error, undefined)
    assert.equal(textOf(parts), text)
    assert.greater(parts.filter(({ type }) => type === 'text-delta').length, 1, 'pieces of an answer that came in pieces')
  },
  async 'usage is what the service counted, for each call'(subject) {
    for (const [inputTokens, outputTokens] of [
      [1_234, 56],
      [7, 3],
    ] as const) {
      await subject.arrange({ type: 'say', text: 'It is five.', inputTokens, outputTokens })
      const { parts } = await hear(ask(subject))
      const usage = { inputTokens, outputTokens, cacheReadTokens: 0, cacheWriteTokens: 0 }
      assert.matches(parts.at(-1), { type: 'finish', usage })
    }
  },
  async 'calls at once do not mix their answers'(subject) {
    const texts = ['one is here', 'two is there', 'three is nowhere']
    for (const text of texts) await subject.arrange({ type: 'say', text, inputTokens: text.length, outputTokens: 1 })
    const heard = await Promise.all(texts.map(() => hear(ask(subject))))
    assert.equal(heard.map(({ parts }) => textOf(parts)).sort(), texts.toSorted())
    for (const { parts } of heard) {
      const last = parts.at(-1)
      assert.equal(last?.type === 'finish' ? last.usage.inputTokens : undefined, textOf(parts).length, 'input tokens of the same call')
    }
  },
}

const limitTests: ProviderTests = {
  async 'a call that the output limit cut off is left out'(subject) {
    await subject.arrange({ type: 'cut-off' })
    const { parts, error } = await hear(ask(subject, { tools: [tool] }))
    assert.equal(error, undefined)
    assert.excludes(typesOf(parts), 'tool-call')
    assert.matches(parts.at(-1), { type: 'finish', reason: 'length' })
  },
}

const modelTests: ProviderTests = {
  async 'the models it lists have ids'({ provider }) {
    const models = await provider.listModels?.({ signal: new AbortController().signal })
    for (const { id } of models ?? []) assert.greater(id.length, 0)
    assert.equal(new Set(models?.map(({ id }) => id)).size, models?.length ?? 0, 'ids that differ')
    for (const { contextWindow = 1 } of models ?? [])
      assert.isTrue(Number.isInteger(contextWindow) && contextWindow > 0, 'a context window')
  },
}

const sections = {
  answers: answerTests,
  exact: exactTests,
  requests: { ...requestTests, ...metadataTests },
  tools: toolTests,
  limits: limitTests,
  abort: abortTests,
  silence: silenceTests,
  failures: failureTests,
  models: modelTests,
} as const

/** A part of the contract that can be skipped as a whole. */
export type ProviderContractSection = keyof typeof sections

/** The `describe` and `it` of the test runner, and the sections to skip, each with a reason. */
export type ProviderContractOptions = ContractOptions<ProviderContractSection>

/**
 * Declares the contract's tests; call it at the top level of a test file. `makeProvider` is called once for each test.
 *
 * @example
 * providerContract('MyProvider', () => myProviderOverAFakeService(), { describe, it })
 */
export function providerContract(
  name: string,
  makeProvider: () => ProviderUnderTest | Promise<ProviderUnderTest>,
  options: ProviderContractOptions,
): void {
  const dispose = async ({ dispose: rest }: ProviderUnderTest): Promise<void> => rest?.()
  declareContract({
    suite: 'providerContract',
    title: `${name} keeps the Provider contract`,
    sections,
    make: makeProvider,
    adapters: ['provider'],
    dispose,
    options,
  })
}
