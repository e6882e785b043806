import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { guardedAbortController } from './abort.ts'

describe('a guarded signal', () => {
  test('hands what its listeners throw or reject with to the report, and calls the others', async () => {
    const failures: unknown[] = []
    const controller = guardedAbortController((error) => failures.push(error))
    const after = vi.fn()
    controller.signal.addEventListener('abort', () => {
      throw new Error('thrown')
    })
    controller.signal.addEventListener('abort', async () => Promise.reject(new Error('rejected')))
    controller.signal.addEventListener('abort', {
      handleEvent: () => {
        throw new Error('object')
      },
    })
    controller.signal.onabort = () => {
      throw new Error('property')
    }
    controller.signal.addEventListener('abort', after)
    controller.abort('enough')
    await sleep(0)
    expect(failures.map((error) => (error as Error).message).toSorted()).toEqual(['object', 'property', 'rejected', 'thrown'])
    expect(after).toHaveBeenCalledOnce()
  })

  test('is one for everybody who takes signals', async () => {
    const controller = guardedAbortController(() => {})
    const { signal } = controller
    const removed = vi.fn()
    signal.addEventListener('abort', removed)
    signal.removeEventListener('abort', removed)
    const twice = vi.fn()
    signal.addEventListener('abort', twice)
    signal.addEventListener('abort', twice)
    signal.onabort = removed
    signal.onabort = null
    const derived = AbortSignal.any([signal])
    const waiting = Promise.allSettled([sleep(60_000, undefined, { signal }), once(signal, 'abort')])
    controller.abort('enough')
    expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect([removed, twice].map(({ mock }) => mock.calls.length)).toEqual([0, 1])
    expect([signal instanceof AbortSignal, signal.aborted, derived.aborted, signal.reason]).toEqual([true, true, true, 'enough'])
  })

  test('looks like any other one', async () => {
    const { signal } = guardedAbortController(() => {})
    expect(Object.getPrototypeOf(signal).constructor.name).toBe('AbortSignal')
    expect(inspect(signal)).toBe(inspect(new AbortController().signal))
    expect(Reflect.ownKeys(signal).map(String)).toEqual(Reflect.ownKeys(new AbortController().signal).map(String))
    const plain = new AbortController()
    const heard = vi.fn()
    signal.addEventListener.call(plain.signal, 'abort', heard)
    plain.abort()
    expect(heard).toHaveBeenCalledOnce()
  })

  test('has one listener as a property, which a new one replaces', () => {
    const controller = guardedAbortController(() => {})
    const [first, second] = [vi.fn(), vi.fn()]
    controller.signal.onabort = first
    controller.signal.onabort = second
    expect(controller.signal.onabort).toBe(second)
    controller.abort()
    expect([first, second].map(({ mock }) => mock.calls.length)).toEqual([0, 1])
  })
})
