import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SystemClock } from './system-clock.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('the system clock', () => {
  test('tells wall time, and a time that starts anywhere and only grows', () => {
    const clock = new SystemClock()
    const before = clock.monotonic()
    vi.advanceTimersByTime(250)
    expect(clock.now()).toBe(Date.UTC(2026, 0, 1) + 250)
    expect(clock.monotonic() - before).toBe(250)
  })

  test('is not moved by a jump of the wall time', () => {
    const clock = new SystemClock()
    const before = clock.monotonic()
    vi.setSystemTime(Date.UTC(2020, 0, 1))
    expect(clock.now()).toBe(Date.UTC(2020, 0, 1))
    expect(clock.monotonic()).toBe(before)
  })

  test('fires a timer once, when it is due', () => {
    let fired = 0
    new SystemClock().setTimer(() => fired++, 100)
    vi.advanceTimersByTime(99)
    expect(fired).toBe(0)
    vi.advanceTimersByTime(1_000)
    expect(fired).toBe(1)
  })

  test('never fires inside the call that set the timer, nor one that was cancelled, twice if need be', () => {
    let fired = 0
    const clock = new SystemClock()
    const cancelled = clock.setTimer(() => fired++, 0)
    const kept = clock.setTimer(() => fired++, 0)
    expect(fired).toBe(0)
    cancelled.cancel()
    cancelled.cancel()
    vi.runAllTimers()
    expect(fired).toBe(1)
    expect(() => kept.cancel()).not.toThrow()
  })

  test('lets a background timer not keep the process alive, and every other one keep it', () => {
    const set = vi.spyOn(globalThis, 'setTimeout')
    const clock = new SystemClock()
    clock.setTimer(() => {}, 100)
    clock.setTimer(() => {}, 100, true)
    expect(set.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([true, false])
  })

  test('yields past timers that are due, also where there is no setImmediate', () => {
    const order: string[] = []
    const clock = new SystemClock()
    clock.yieldTo(() => order.push('yielded'))
    order.push('after the call')
    vi.runAllTimers()
    expect(order).toEqual(['after the call', 'yielded'])
    vi.stubGlobal('setImmediate', undefined)
    clock.yieldTo(() => order.push('yielded in a browser'))
    vi.unstubAllGlobals()
    vi.runAllTimers()
    expect(order.at(-1)).toBe('yielded in a browser')
  })
})
