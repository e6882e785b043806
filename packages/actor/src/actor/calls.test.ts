import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { silentLogger } from '../defaults/console-logger.ts'
import { flushEventLoop, ManualClock } from '../testing/manual-clock.ts'
import { gate, Probe } from '../testing/probe.ts'
import { refuse } from './refusal.ts'

async function started(clock = new ManualClock()): Promise<Probe> {
  return new Probe().start({ clock, logger: silentLogger })
}

describe('a call', () => {
  test('answers with what the handler returns, now or later', async () => {
    const probe = await started()
    expect(await probe.call(() => 'now')).toBe('now')
    expect(await probe.call(async () => 'later')).toBe('later')
  })

  test('waits for those before it: messages are handled one at a time, in the order of arrival', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('call', 'cast', 'slow'), { maxLength: 60 }), async (kinds) => {
        const probe = await started()
        const begun: number[] = []
        let atOnce = 0
        const answers = kinds.map((kind, index) => {
          const work = async (): Promise<void> => {
            expect(++atOnce).toBe(1)
            begun.push(index)
            if (kind === 'slow') await Promise.resolve()
            atOnce--
          }
          return kind === 'cast' ? probe.cast(work) : probe.call(work)
        })
        await Promise.all(answers)
        await flushEventLoop()
        expect(begun).toEqual(kinds.map((_, index) => index))
      }),
      { numRuns: 50 },
    )
  })

  test('made before init is done waits for it', async () => {
    const ready = gate()
    class Slow extends Probe {
      protected override init(): Promise<void> {
        return ready.promise
      }
    }
    const slow = new Slow()
    const up = slow.start({ logger: silentLogger })
    const answer = slow.call(() => 'after init')
    ready.resolve()
    await up
    expect(await answer).toBe('after init')
  })

  test('that is not answered in time rejects call-timeout while the work goes on, and the late answer goes nowhere', async () => {
    const clock = new ManualClock()
    const probe = await started(clock)
    const answer = gate<string>()
    let didFinish = false
    const call = probe.call(() =>
      answer.promise.then((text) => {
        didFinish = true
        return text
      }),
    )
    const failed = expect(call).rejects.toMatchObject({ code: 'call-timeout', details: { id: 'probe' } })
    await clock.advance(4_999)
    await clock.advance(1)
    await failed
    answer.resolve('late')
    await flushEventLoop()
    expect(didFinish).toBe(true)
    expect(await probe.call(() => 'still here')).toBe('still here')
  })

  test('past its deadline is not handled any more', async () => {
    const clock = new ManualClock()
    const probe = await started(clock)
    const hold = gate()
    probe.cast(() => hold.promise)
    let wasHandled = false
    const late = probe.call(
      () => {
        wasHandled = true
      },
      { timeoutMs: 100 },
    )
    const failed = expect(late).rejects.toMatchObject({ code: 'call-timeout' })
    await clock.advance(100)
    await failed
    hold.resolve()
    await flushEventLoop()
    expect(wasHandled).toBe(false)
  })

  test('keeps its own deadline among others', async () => {
    const clock = new ManualClock()
    const probe = await started(clock)
    const ended: number[] = []
    const calls = [300, 100, 200].map((timeoutMs) =>
      probe.call(() => new Promise(() => {}), { timeoutMs }).catch(() => ended.push(timeoutMs)),
    )
    for (let elapsed = 0; elapsed < 300; elapsed += 100) await clock.advance(100)
    await Promise.all(calls)
    expect(ended).toEqual([100, 200, 300])
  })

  test('with an infinite deadline sets no timer', async () => {
    const clock = new ManualClock()
    const probe = await started(clock)
    const hold = gate<string>()
    const call = probe.call(() => hold.promise, { timeoutMs: Number.POSITIVE_INFINITY })
    await flushEventLoop()
    expect(clock.pendingTimers).toBe(0)
    hold.resolve('done')
    expect(await call).toBe('done')
  })

  test('that is answered leaves no timer behind', async () => {
    const clock = new ManualClock()
    const probe = await started(clock)
    const hold = gate()
    const call = probe.call(() => hold.promise)
    await flushEventLoop()
    expect(clock.pendingTimers).toBe(1)
    hold.resolve()
    await call
    expect(clock.pendingTimers).toBe(0)
  })

  test('ends with call-aborted when its signal is, before or while it waits', async () => {
    const probe = await started()
    const controller = new AbortController()
    const hold = gate()
    const call = probe.call(() => hold.promise, { signal: controller.signal })
    const failed = expect(call).rejects.toMatchObject({ code: 'call-aborted', cause: 'changed my mind' })
    await flushEventLoop()
    controller.abort('changed my mind')
    await failed
    let wasHandled = false
    const second = probe.call(() => (wasHandled = true), { signal: controller.signal })
    await expect(second).rejects.toMatchObject({ code: 'call-aborted' })
    hold.resolve()
    await flushEventLoop()
    expect(wasHandled).toBe(false)
  })

  test('can be refused without a crash', async () => {
    const probe = await started()
    const refusal = probe.call(() => refuse(new BeamClawError('invalid-option', 'not like this')))
    await expect(refusal).rejects.toMatchObject({ code: 'invalid-option' })
    expect(probe.isAlive).toBe(true)
  })
})

describe('a call that would wait for itself', () => {
  test('is found when an actor calls itself', async () => {
    const probe = await started()
    await expect(probe.call((context) => context.call(context.self, () => 1))).rejects.toMatchObject({
      code: 'actor-crashed',
      cause: { code: 'call-cycle', details: { path: ['probe', 'probe'] } },
    })
  })

  test('is found when the actor uses its own method instead of the context', async () => {
    const probe = await started()
    await expect(probe.call(() => probe.call(() => 1))).rejects.toMatchObject({ cause: { code: 'call-cycle' } })
  })

  test('is found at once when it goes round through others', async () => {
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => new Probe({ id }).start({ logger: silentLogger })))
    if (a === undefined || b === undefined || c === undefined) throw new Error('not started')
    const round = a.call((inA) =>
      inA.call(b, (inB) => inB.call(c, (inC) => inC.call(a, () => 1).catch((error: BeamClawError) => error.details.path))),
    )
    expect(await round).toEqual(['c', 'a', 'b', 'c'])
  })

  test('is found when two actors call each other, each on its own account', async () => {
    const [a, b] = await Promise.all(['a', 'b'].map((id) => new Probe({ id }).start({ logger: silentLogger })))
    if (a === undefined || b === undefined) throw new Error('not started')
    const bothBusy = gate()
    const first = a.call(async (inA) => {
      await bothBusy.promise
      return inA.call(b, () => 'b is free')
    })
    const second = b.call(async (inB) => {
      bothBusy.resolve()
      await flushEventLoop()
      return inB.call(a, () => 1).catch((error: BeamClawError) => error.code)
    })
    expect(await second).toBe('call-cycle')
    expect(await first).toBe('b is free')
  })

  test('is not seen where there is none: the same actor may be asked twice in a row', async () => {
    const [a, b] = await Promise.all(['a', 'b'].map((id) => new Probe({ id }).start({ logger: silentLogger })))
    if (a === undefined || b === undefined) throw new Error('not started')
    const sum = a.call(async (inA) => ((await inA.call(b, () => 1)) as number) + ((await inA.call(b, () => 2)) as number))
    expect(await sum).toBe(3)
    expect(a.inspect().waitsFor).toEqual([])
  })
})

describe('a call to an actor that is not there', () => {
  test.each([
    ['before its start', async () => new Probe()],
    [
      'after its stop',
      async () => {
        const probe = await started()
        await probe.stop()
        return probe
      },
    ],
  ])('rejects actor-not-running %s', async (_when, make) => {
    const probe = await make()
    await expect(probe.call(() => 1)).rejects.toMatchObject({ code: 'actor-not-running' })
    expect(() => probe.cast(() => 1)).toThrowError(expect.objectContaining({ code: 'actor-not-running' }))
  })
})
