import { describe, expect, test } from 'vitest'
import { zeroUsage } from '../base/messages.ts'
import type { ProviderPart } from '../ports/provider.ts'
import { type ProviderStream, providerStream } from './provider-stream.ts'
import { untilAborted } from './until-aborted.ts'

const part = (text: string): ProviderPart => ({ type: 'text-delta', text })

/** Yields one part, then waits until its signal is aborted. */
async function* oneThenSilence(signal: AbortSignal): AsyncGenerator<ProviderPart, void, undefined> {
  yield part('one')
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}

test('a call starts when its first part is asked for, and not when it is left before', async () => {
  let starts = 0
  const make = () =>
    providerStream(async function* () {
      starts++
      yield part('one')
    }, new AbortController().signal)
  await make().return?.()
  expect(starts).toBe(0)
  const read: ProviderPart[] = []
  for await (const one of make()) read.push(one)
  expect([read, starts]).toEqual([[part('one')], 1])
})

test('leaving ends a call whose next part is awaited', async () => {
  const stream = providerStream(oneThenSilence, new AbortController().signal)
  await stream.next()
  const pending = stream.next()
  pending.catch(() => {})
  await stream.return?.().catch(() => {})
  await expect(pending).rejects.toMatchObject({ code: 'provider-aborted' })
  expect(await stream.next()).toEqual({ done: true, value: undefined })
})

test('the abort of the caller reaches the call, and its signal is followed no longer than the call lives', async () => {
  const caller = new AbortController()
  let followers = 0
  const { signal } = caller
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    followers++
    add(...given)
  }
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    followers--
    remove(...given)
  }
  const stream = providerStream(oneThenSilence, signal)
  await stream.next()
  expect(followers).toBe(1)
  const pending = stream.next()
  caller.abort(new Error('enough'))
  await expect(pending).rejects.toMatchObject({ code: 'provider-aborted', cause: { message: 'enough' } })
  expect(followers).toBe(0)
})

test('only provider errors leave a call, whether it fails while it runs or before it has begun', async () => {
  const fails = new Error('with a secret')
  const running = providerStream(async function* () {
    yield part('one')
    throw fails
  }, new AbortController().signal)
  await running.next()
  const protocol = { code: 'provider-protocol', message: 'The provider threw Error, which is no provider error' }
  await expect(running.next()).rejects.toMatchObject(protocol)
  const unstarted = providerStream(() => {
    throw fails
  }, new AbortController().signal)
  await expect(unstarted.next()).rejects.toMatchObject(protocol)
  expect(await unstarted.next()).toEqual({ done: true, value: undefined })
})

test('nothing comes after the abort of the caller, though parts are at hand', async () => {
  const caller = new AbortController()
  let isLeft = false
  const stream = providerStream(async function* () {
    try {
      yield part('one')
      yield part('two')
      yield { type: 'finish', reason: 'stop', usage: zeroUsage }
    } finally {
      isLeft = true
    }
  }, caller.signal)
  await stream.next()
  caller.abort(new Error('enough'))
  await expect(stream.next()).rejects.toMatchObject({ code: 'provider-aborted', cause: { message: 'enough' } })
  expect(isLeft).toBe(true)
  expect(await stream.next()).toEqual({ done: true, value: undefined })
})

test('an abort after the finish lets the call end as it would', async () => {
  const caller = new AbortController()
  const stream = providerStream(async function* () {
    yield { type: 'finish', reason: 'stop', usage: zeroUsage }
  }, caller.signal)
  await stream.next()
  caller.abort()
  expect(await stream.next()).toEqual({ done: true, value: undefined })
})

describe('parts that arrived together', () => {
  /** A stream whose first read brings three parts, the last of them a `finish`. */
  function burst() {
    const finish: ProviderPart = { type: 'finish', reason: 'stop', usage: zeroUsage }
    const ready = [part('two'), finish]
    const source: ProviderStream = {
      [Symbol.asyncIterator]() {
        return this
      },
      next: async () => ({ done: false, value: part('one') }),
      takeReady: () => ready.shift(),
    }
    const caller = new AbortController()
    return { finish, caller, start: () => source }
  }

  test('are taken without a promise once the first was read', async () => {
    for (const make of [providerStream, untilAborted]) {
      const { finish, caller, start } = burst()
      const stream = make(start, caller.signal)
      expect(stream.takeReady?.()).toBeUndefined()
      await stream.next()
      expect([stream.takeReady?.(), stream.takeReady?.(), stream.takeReady?.()]).toEqual([part('two'), finish, undefined])
    }
  })

  test('are not taken after an abort, nor when the loop was left', async () => {
    for (const make of [providerStream, untilAborted]) {
      const { caller, start } = burst()
      const stream = make(start, caller.signal)
      await stream.next()
      caller.abort()
      expect(stream.takeReady?.()).toBeUndefined()
      await expect(stream.next()).rejects.toMatchObject({ code: 'provider-aborted' })
    }
    const { caller, start } = burst()
    const stream = providerStream(start, caller.signal)
    await stream.next()
    await stream.return?.()
    expect(stream.takeReady?.()).toBeUndefined()
  })

  test('a finish that was taken ends the answer: an abort after it is none', async () => {
    const { caller, start } = burst()
    const stream = providerStream(start, caller.signal)
    await stream.next()
    stream.takeReady?.()
    stream.takeReady?.()
    caller.abort()
    expect((await stream.next()).done).toBe(false)
  })
})
