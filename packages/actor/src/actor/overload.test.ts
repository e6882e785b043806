import { describe, expect, test } from 'vitest'
import { BeamClawError, MailboxFullError } from '../base/errors.ts'
import { silentLogger } from '../defaults/console-logger.ts'
import { flushEventLoop, ManualClock } from '../testing/manual-clock.ts'
import { gate, Probe, type Work } from '../testing/probe.ts'
import { Actor } from './actor.ts'

class Sink extends Actor<string | { readonly text: string }> {
  readonly seen: unknown[] = []
  readonly hold = gate()

  protected override async handle(message: string | { readonly text: string }): Promise<void> {
    this.seen.push(message)
    await this.hold.promise
  }
}

function rejectionOf(work: () => void): BeamClawError {
  try {
    work()
  } catch (error) {
    if (BeamClawError.isInstance(error)) return error
  }
  throw new Error('nothing was rejected')
}

describe('a full mailbox', () => {
  test('refuses by count with overloaded, and the rest is untouched', async () => {
    const probe = await new Probe({ maxSize: 3 }).start({ logger: silentLogger })
    const hold = gate()
    const done: number[] = []
    probe.cast(() => hold.promise)
    await flushEventLoop()
    for (const index of [1, 2, 3]) probe.cast(() => done.push(index))
    const error = rejectionOf(() => probe.cast(() => done.push(4)))
    expect(error).toBeInstanceOf(MailboxFullError)
    expect(error).toMatchObject({ code: 'overloaded', isRetryable: true, details: { id: 'probe', size: 3, maxSize: 3 } })
    expect(error.retryAfterMs).toBeGreaterThan(0)
    await expect(probe.call(() => 5)).rejects.toMatchObject({ code: 'overloaded' })
    hold.resolve()
    await flushEventLoop()
    expect(done).toEqual([1, 2, 3])
    expect(await probe.call(() => 'room again')).toBe('room again')
  })

  test('refuses by bytes, and says so of a message that could never fit', async () => {
    const sink = await new Sink({ maxBytes: 10_000 }).start({ logger: silentLogger })
    sink.cast('in hand')
    await flushEventLoop()
    sink.cast('x'.repeat(6_000))
    expect(rejectionOf(() => sink.cast({ text: 'y'.repeat(6_000) })).code).toBe('overloaded')
    sink.cast({ text: 'y'.repeat(3_000) })
    expect(rejectionOf(() => sink.cast('z'.repeat(20_000)))).toMatchObject({ code: 'message-too-large', isRetryable: false })
    expect(sink.inspect()).toMatchObject({ mailboxLength: 2 })
    expect(sink.inspect().mailboxBytes).toBeGreaterThan(9_000)
    sink.hold.resolve()
    await flushEventLoop()
    expect(sink.inspect()).toMatchObject({ mailboxLength: 0, mailboxBytes: 0 })
  })

  test('names a time to come back by the pace it was emptied at', async () => {
    const clock = new ManualClock()
    const probe = await new Probe({ maxSize: 10 }).start({ clock, logger: silentLogger })
    const steps: PromiseWithResolvers<void>[] = []
    const fill = (): void => {
      while (probe.inspect().mailboxLength < 10) {
        const step = gate()
        steps.push(step)
        probe.cast(() => step.promise)
      }
    }
    fill()
    await flushEventLoop()
    fill()
    expect(rejectionOf(() => probe.cast(() => 0)).retryAfterMs).toBe(100)
    for (let handled = 0; handled < 5; handled++) {
      await clock.advance(40)
      steps.shift()?.resolve()
      await flushEventLoop()
    }
    fill()
    await flushEventLoop()
    fill()
    // 5 messages in 200 ms, so 10 take about 400.
    expect(rejectionOf(() => probe.cast(() => 0)).retryAfterMs).toBe(400)
  })

  test('never refuses control, which is served while the message in hand awaits', async () => {
    const probe = await new Probe({ maxSize: 1 }).start({ logger: silentLogger })
    const hold = gate()
    probe.cast(() => hold.promise)
    await flushEventLoop()
    probe.cast(() => 0)
    expect(rejectionOf(() => probe.cast(() => 0)).code).toBe('overloaded')
    expect(await probe.call(() => 'control', { lane: 'control' })).toBe('control')
    hold.resolve()
  })

  test('stands a flood of 100,000: what fits is handled, the rest is refused, and control gets through meanwhile', async () => {
    const probe = await new Probe().start({ logger: silentLogger })
    const hold = gate()
    probe.cast(() => hold.promise)
    await flushEventLoop()
    let handled = 0
    let refused = 0
    for (let index = 0; index < 100_000; index++) {
      try {
        probe.cast(() => handled++)
      } catch (error) {
        expect(BeamClawError.isInstance(error, 'overloaded')).toBe(true)
        refused++
      }
    }
    expect(refused).toBe(99_000)
    expect(await probe.call(() => probe.inspect().mailboxLength, { lane: 'control' })).toBe(1_000)
    hold.resolve()
    await probe.call(() => 0).catch(() => 0)
    await flushEventLoop()
    expect(handled).toBe(1_000)
  })
})

describe('control messages', () => {
  test('go to nobody without handleControl, and harm nothing', async () => {
    const sink = await new Sink().start({ logger: silentLogger })
    await expect(sink.call('x', { lane: 'control' })).rejects.toMatchObject({ code: 'control-not-handled' })
    expect(() => sink.cast('x', { lane: 'control' })).toThrowError(expect.objectContaining({ code: 'control-not-handled' }))
    expect(sink.isAlive).toBe(true)
  })

  test('overtake waiting work', async () => {
    const probe = await new Probe().start({ logger: silentLogger })
    const order: string[] = []
    const note =
      (what: string): Work =>
      () =>
        order.push(what)
    probe.cast(note('work 1'))
    probe.cast(note('work 2'))
    probe.cast(note('control'), { lane: 'control' })
    await flushEventLoop()
    expect(order).toEqual(['control', 'work 1', 'work 2'])
  })

  test('may take their own time, and fail their own caller by deadline', async () => {
    const clock = new ManualClock()
    const probe = await new Probe().start({ clock, logger: silentLogger })
    const call = probe.call(() => new Promise(() => {}), { lane: 'control', timeoutMs: 50 })
    const failed = expect(call).rejects.toMatchObject({ code: 'call-timeout' })
    await clock.advance(50)
    await failed
    expect(await probe.call(() => 'work goes on')).toBe('work goes on')
  })
})

describe('many busy actors', () => {
  test('let timers and sockets have the event loop', async () => {
    const a = await new Probe({ id: 'a' }).start({ logger: silentLogger })
    let handled = 0
    let isOver = false
    const again: Work = (context) => {
      handled++
      if (!isOver) context.cast(context.self, again as never)
    }
    a.cast(again)
    await new Promise<void>((resolve) => setTimeout(resolve, 1))
    isOver = true
    expect(handled).toBeGreaterThan(1)
  })

  test('let them have it also when each call waits for the one before', async () => {
    const a = await new Probe({ id: 'a' }).start({ logger: silentLogger })
    let isOver = false
    const timer = new Promise<void>((resolve) => setTimeout(resolve, 1)).then(() => {
      isOver = true
    })
    while (!isOver) await a.call(() => 1)
    await timer
  })
})
