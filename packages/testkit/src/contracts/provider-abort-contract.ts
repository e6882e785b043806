/** The part of the provider contract about calls that end early: aborts and abandoned streams. */
import type { ProviderPart } from '@beamclaw/core'
import * as assert from './assert.ts'
import { ask, expectProviderError, hear, type ProviderTests, someTurns, typesOf } from './provider-fixtures.ts'

export const abortTests: ProviderTests = {
  async 'asking does not throw, nor does an aborted signal before the first part is asked for'(subject) {
    await subject.arrange({ type: 'text' })
    const stream = ask(subject, {}, AbortSignal.abort())
    const { parts, error } = await hear(stream)
    assert.equal(parts, [])
    expectProviderError(error, 'provider-aborted')
    assert.equal(subject.lastRequest?.(), undefined, 'no request is sent for a call that was aborted before')
  },
  async 'an abort after the finish changes nothing'(subject) {
    await subject.arrange({ type: 'text' })
    const abort = new AbortController()
    const parts: ProviderPart[] = []
    for await (const part of ask(subject, {}, abort.signal)) {
      parts.push(part)
      if (part.type === 'finish') abort.abort()
    }
    assert.equal(parts.at(-1)?.type, 'finish')
  },
  async 'an abort ends its own call only'(subject) {
    await subject.arrange({ type: 'hang' })
    await subject.arrange({ type: 'text' })
    const abort = new AbortController()
    const hanging = ask(subject, {}, abort.signal)[Symbol.asyncIterator]()
    await hanging.next()
    const other = ask(subject)[Symbol.asyncIterator]()
    const first = await other.next()
    abort.abort()
    const { parts, error } = await hear({ [Symbol.asyncIterator]: () => other })
    assert.equal([first.done, error, parts.at(-1)?.type ?? first.value?.type], [false, undefined, 'finish'])
    expectProviderError((await hear({ [Symbol.asyncIterator]: () => hanging })).error, 'provider-aborted')
  },
  async 'a call leaves nothing on a signal that outlives it'(subject) {
    const { signal } = new AbortController()
    const listeners = new Set<unknown>()
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...given: unknown[]) => {
      listeners.add(given[1])
      addEventListener.apply(signal, given as Parameters<typeof addEventListener>)
    }
    signal.removeEventListener = (...given: unknown[]) => {
      listeners.delete(given[1])
      removeEventListener.apply(signal, given as Parameters<typeof removeEventListener>)
    }
    await subject.arrange({ type: 'text' })
    await hear(ask(subject, {}, signal))
    await someTurns()
    assert.equal(listeners.size, 0)
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
    // Any number of parts may have arrived, but none arrives after this.
    const waiting = (async () => {
      for (let next = await parts.next(); next.done !== true; next = await parts.next());
    })().catch(() => {})
    await someTurns()
    await parts.return?.()
    await waiting
    await subject.idle?.()
  },
}

export const silenceTests: ProviderTests = {
  async 'an abort ends a call to which nothing has come, not even a header'(subject) {
    await subject.arrange({ type: 'silence' })
    const abort = new AbortController()
    const hearing = hear(ask(subject, {}, abort.signal))
    await someTurns()
    abort.abort()
    const { parts, error } = await hearing
    assert.equal(parts, [])
    expectProviderError(error, 'provider-aborted')
    await subject.idle?.()
  },
  async 'leaving ends the wait for a first part'(subject) {
    await subject.arrange({ type: 'silence' })
    const parts = ask(subject)[Symbol.asyncIterator]()
    const waiting = parts.next().catch(() => {})
    await someTurns()
    await parts.return?.()
    await waiting
    await subject.idle?.()
  },
}
