/** The contract of the Provider port as tests: whoever writes a provider runs them over it, and it is one when all pass. */
import { BeamClawError, type Provider, type ProviderPart, type ProviderRequest } from '@beamclaw/core'
import * as assert from './assert.ts'
import { type ContractOptions, type ContractTests, declareContract } from './contract.ts'

/** What the service behind a provider is to do with the next call. */
export type ServiceBehavior =
  /** Answers with some text. */
  | { readonly type: 'text' }
  /** Calls the first of the request's tools, once or more. */
  | { readonly type: 'tool-call' }
  /** Says some text, then nothing more; the connection stays open. */
  | { readonly type: 'hang' }
  /** Fails: refused for a wrong key, for too many calls, or because the service is broken. */
  | { readonly type: 'fail'; readonly as: 'auth' | 'rate-limit' | 'server' }
  /** Says some text, and then the connection breaks. */
  | { readonly type: 'break' }

/** A provider for one test. */
export interface ProviderUnderTest {
  readonly provider: Provider
  /** A model that the provider knows. */
  readonly model: string
  /** Arranges the answer to the next call; answers are given in the order they are arranged. */
  arrange(behavior: ServiceBehavior): void | Promise<void>
  /** Resolves once no call holds a connection, where there are any. */
  idle?(): Promise<void>
  /** Called after the test. */
  dispose?(): Promise<void>
}

type Tests = ContractTests<ProviderUnderTest>

const tool = {
  name: 'add',
  description: 'Adds two numbers',
  inputSchema: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } },
} as const

const question = 'What is 2 + 3? Use the tool add if you have it.'

interface Heard {
  readonly parts: readonly ProviderPart[]
  readonly error: unknown
}

function ask({ provider, model }: ProviderUnderTest, rest: Partial<ProviderRequest> = {}, signal = new AbortController().signal) {
  return provider.doStream({ model, messages: [{ role: 'user', content: question }], ...rest }, { signal })
}

async function hear(stream: AsyncIterable<ProviderPart>): Promise<Heard> {
  const parts: ProviderPart[] = []
  try {
    for await (const part of stream) parts.push(part)
    return { parts, error: undefined }
  } catch (error) {
    return { parts, error }
  }
}

function typesOf(parts: readonly ProviderPart[]): readonly string[] {
  return parts.map(({ type }) => type)
}

function expectProviderError(error: unknown, ...codes: readonly string[]): void {
  if (!BeamClawError.isInstance(error)) assert.fail(`expected a BeamClawError, got ${String(error)}`)
  assert.isTrue(error.code.startsWith('provider-'), `expected a code that starts with "provider-", received "${error.code}"`)
  if (codes.length > 0) assert.includes(codes, error.code)
}

const answerTests: Tests = {
  async 'an answer is text and then exactly one finish'(subject) {
    await subject.arrange({ type: 'text' })
    const { parts, error } = await hear(ask(subject))
    assert.equal(error, undefined)
    assert.equal(typesOf(parts).filter((type) => type === 'finish').length, 1)
    assert.matches(parts.at(-1), { type: 'finish', reason: 'stop' })
    assert.greater(parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('').length, 0)
  },
  async 'usage is four counts of tokens, and none is negative'(subject) {
    await subject.arrange({ type: 'text' })
    const last = (await hear(ask(subject))).parts.at(-1)
    if (last?.type !== 'finish') return assert.fail('the answer had no finish')
    assert.equal(Object.keys(last.usage).toSorted(), ['cacheReadTokens', 'cacheWriteTokens', 'inputTokens', 'outputTokens'])
    for (const count of Object.values(last.usage)) assert.equal(Number.isInteger(count) && count >= 0, true)
  },
  async 'nothing is empty: each delta has text'(subject) {
    await subject.arrange({ type: 'text' })
    for (const part of (await hear(ask(subject))).parts) if (part.type === 'text-delta') assert.notEqual(part.text, '')
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

const toolTests: Tests = {
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

const abortTests: Tests = {
  async 'asking does not throw, nor does an aborted signal before the first part is asked for'(subject) {
    await subject.arrange({ type: 'text' })
    const stream = ask(subject, {}, AbortSignal.abort())
    const { parts, error } = await hear(stream)
    assert.equal(parts, [])
    expectProviderError(error, 'provider-aborted')
  },
  async 'an abort in the middle ends the stream and frees the connection'(subject) {
    await subject.arrange({ type: 'hang' })
    const abort = new AbortController()
    const heard: ProviderPart[] = []
    const reading = (async () => {
      for await (const part of ask(subject, {}, abort.signal)) if (heard.push(part) === 1) setImmediate(() => abort.abort())
    })()
    const error = await reading.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expectProviderError(error, 'provider-aborted')
    assert.excludes(typesOf(heard), 'finish')
    await subject.idle?.()
  },
  async 'leaving the loop frees the connection'(subject) {
    await subject.arrange({ type: 'hang' })
    for await (const _ of ask(subject)) break
    await subject.idle?.()
  },
  async 'leaving while a part is awaited ends the wait'(subject) {
    await subject.arrange({ type: 'hang' })
    const parts = ask(subject)[Symbol.asyncIterator]()
    await parts.next()
    // Whatever other parts of the text have come, the one after them never does.
    const waiting = (async () => {
      for (let next = await parts.next(); next.done !== true; next = await parts.next());
    })().catch(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    await parts.return?.()
    await waiting
    await subject.idle?.()
  },
}

const failureTests: Tests = {
  async 'a wrong key is no use trying again'(subject) {
    await subject.arrange({ type: 'fail', as: 'auth' })
    const { error } = await hear(ask(subject))
    expectProviderError(error, 'provider-auth')
    assert.equal((error as BeamClawError).isRetryable, false)
  },
  async 'too many calls, or a broken service, may be tried again'(subject) {
    for (const as of ['rate-limit', 'server'] as const) {
      await subject.arrange({ type: 'fail', as })
      const { error } = await hear(ask(subject))
      expectProviderError(error, `provider-${as}`)
      assert.equal((error as BeamClawError).isRetryable, true)
    }
  },
  async 'an answer that breaks off is an error, not an end'(subject) {
    await subject.arrange({ type: 'break' })
    const { parts, error } = await hear(ask(subject))
    expectProviderError(error, 'provider-network', 'provider-protocol', 'provider-server', 'provider-timeout')
    assert.excludes(typesOf(parts), 'finish')
  },
  async 'a failed call does the next one no harm, and nothing is tried again behind the back'(subject) {
    await subject.arrange({ type: 'fail', as: 'server' })
    await subject.arrange({ type: 'text' })
    expectProviderError((await hear(ask(subject))).error)
    assert.equal((await hear(ask(subject))).error, undefined)
  },
}

const modelTests: Tests = {
  async 'the models it lists have ids'({ provider }) {
    const models = await provider.listModels?.({ signal: new AbortController().signal })
    for (const { id } of models ?? []) assert.greater(id.length, 0)
  },
}

const sections = { answers: answerTests, tools: toolTests, abort: abortTests, failures: failureTests, models: modelTests } as const

/** A part of the contract that can be skipped as a whole. */
export type ProviderContractSection = keyof typeof sections

export type ProviderContractOptions = ContractOptions<ProviderContractSection>

/** Declares the contract's tests over a provider; call it at the top level of a test file. `makeProvider` is called once for each test. */
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
    dispose,
    options,
  })
}
