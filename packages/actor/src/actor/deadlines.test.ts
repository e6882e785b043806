import { describe, expect, test } from 'vitest'
import { silentLogger } from '../defaults/console-logger.ts'
import type { Clock } from '../ports/services.ts'
import { flushEventLoop, ManualClock } from '../testing/manual-clock.ts'
import { gate, Probe } from '../testing/probe.ts'
import { Deadlines } from './deadlines.ts'
import { PendingCall } from './pending-call.ts'

function awaited(deadline: number, onError: (deadline: number) => void): PendingCall {
  return new PendingCall(
    deadline,
    () => {},
    () => onError(deadline),
  )
}

describe('deadlines', () => {
  test('end calls in the order they are due, with one timer, and forget those that are settled', async () => {
    const clock = new ManualClock()
    const deadlines = new Deadlines(clock, 'a')
    const ended: number[] = []
    const dues = Array.from({ length: 200 }, (_, index) => ((index * 7919) % 1_000) + 1)
    const calls = dues.map((due) => awaited(due, (at) => ended.push(at)))
    for (const call of calls) deadlines.add(call)
    for (const [index, call] of calls.entries()) if (index % 3 === 0) call.answer('done')
    deadlines.arm()
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(1_000)
    const expected = dues.filter((_, index) => index % 3 !== 0).sort((a, b) => a - b)
    expect(ended).toEqual(expected)
    expect(clock.pendingTimers).toBe(0)
  })

  test('need one timer for 20,000 waiting calls, and none once they are answered', async () => {
    const manual = new ManualClock()
    const probe = await new Probe({ maxSize: 50_000 }).start({ clock: manual, logger: silentLogger })
    const hold = gate()
    const calls = [probe.call(() => hold.promise, { timeoutMs: 60_000 })]
    for (let index = 0; index < 20_000; index++) calls.push(probe.call(() => 1, { timeoutMs: 60_000 }))
    await flushEventLoop()
    const timers = manual.pendingTimers
    for (let round = 0; round < 50; round++) {
      calls.push(probe.call(() => 1, { timeoutMs: 60_000 }))
      await flushEventLoop()
    }
    expect([timers, manual.pendingTimers]).toEqual([1, 1])
    hold.resolve()
    expect((await Promise.all(calls)).length).toBe(20_051)
    expect(manual.pendingTimers).toBe(0)
  })
})

describe('the deadline of a call', () => {
  test('holds while the actor falls asleep and gets up', async () => {
    const clock = new ManualClock()
    const asleep = gate()
    class Sleeper extends Probe {
      protected override onPassivate(): Promise<void> {
        return asleep.promise
      }

      protected override onActivate(): Promise<void> {
        return new Promise(() => {})
      }
    }
    const actor = await new Sleeper({ passivateAfterMs: 10 }).start({ clock, logger: silentLogger })
    await clock.advance(25)
    expect(actor.inspect().state).toBe('passivating')
    const call = expect(actor.call(() => new Promise(() => {}), { timeoutMs: 80 })).rejects.toMatchObject({ code: 'call-timeout' })
    await clock.advance(40)
    asleep.resolve()
    await clock.advance(40)
    await call
    expect(clock.monotonic()).toBe(105)
  })

  test('is looked at after a handler that kept the processor: what is late then is not handled', async () => {
    const manual = new ManualClock()
    let blockedMs = 0
    const clock: Clock = {
      now: () => manual.now(),
      monotonic: () => manual.monotonic() + blockedMs,
      setTimer: (callback, delayMs) => manual.setTimer(callback, delayMs),
      yieldTo: (callback) => manual.yieldTo(callback),
    }
    const probe = await new Probe().start({ clock, logger: silentLogger })
    let handled = false
    const first = probe.call(() => {
      blockedMs += 120
    })
    const late = expect(
      probe.call(
        () => {
          handled = true
        },
        { timeoutMs: 30 },
      ),
    ).rejects.toMatchObject({ code: 'call-timeout' })
    await first
    await late
    expect(handled).toBe(false)
  })
})

describe('a call cycle', () => {
  test('is not seen where an idle actor calls in the background', async () => {
    const clock = new ManualClock()
    const [a, b] = [new Probe({ id: 'a' }), new Probe({ id: 'b' })]
    for (const probe of [a, b]) await probe.start({ clock, logger: silentLogger })
    const hold = gate<string>()
    // The message of b is handled, and what it began goes on: b waits for a, but not with a message in hand.
    let background: Promise<unknown> | undefined
    await b.call((context) => {
      void Promise.resolve().then(() => {
        background = context.call(a, () => hold.promise)
      })
    })
    await flushEventLoop()
    expect(b.inspect().waitsFor).toEqual([])
    // The one in hand of a calls b, which is free to answer.
    const reply = a.call((context) => context.call(b, () => 'b is free'))
    await flushEventLoop()
    hold.resolve('held')
    expect(await reply).toBe('b is free')
    expect(await background).toBe('held')
    expect(a.isAlive).toBe(true)
  })
})
