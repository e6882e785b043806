import { describe, expect, test } from 'vitest'
import { silentLogger } from '../defaults/console-logger.ts'
import { flushEventLoop, ManualClock } from '../testing/manual-clock.ts'
import { gate } from '../testing/probe.ts'
import { Actor } from './actor.ts'
import type { ActorContext } from './actor-ref.ts'

class Sleeper extends Actor<string | Promise<unknown>, string> {
  readonly log: string[] = []
  passivating: Promise<void> | undefined
  activating: Promise<void> | undefined

  protected override async handle(message: string | Promise<unknown>, context: ActorContext): Promise<string> {
    if (typeof message === 'string') this.log.push(message)
    else context.keepAwake(message)
    return 'ok'
  }

  protected override onPassivate(): void | Promise<void> {
    this.log.push('sleep')
    return this.passivating
  }

  protected override onActivate(): void | Promise<void> {
    this.log.push('wake')
    return this.activating
  }
}

async function started(passivateAfterMs = 60_000): Promise<{ readonly sleeper: Sleeper; readonly clock: ManualClock }> {
  const clock = new ManualClock()
  return { sleeper: await new Sleeper({ passivateAfterMs }).start({ clock, logger: silentLogger }), clock }
}

describe('an idle actor', () => {
  test('passivates after its time, and wakes for the next message', async () => {
    const { sleeper, clock } = await started()
    await sleeper.call('first')
    await clock.advance(60_000)
    expect(sleeper.inspect().state).toBe('passive')
    await sleeper.call('second')
    expect(sleeper.log).toEqual(['first', 'sleep', 'wake', 'second'])
    await clock.advance(60_000)
    expect(sleeper.inspect().state).toBe('passive')
  })

  test('passivates also when nobody ever wrote to it', async () => {
    const { sleeper, clock } = await started()
    await clock.advance(60_001)
    expect(sleeper.log).toEqual(['sleep'])
  })

  test('counts from its last message', async () => {
    const { sleeper, clock } = await started()
    await clock.advance(50_000)
    await sleeper.call('busy')
    await clock.advance(50_000)
    expect(sleeper.log).toEqual(['busy'])
    await clock.advance(20_000)
    expect(sleeper.log).toEqual(['busy', 'sleep'])
  })

  test('loses no message that arrives while it falls asleep or wakes', async () => {
    const { sleeper, clock } = await started()
    const asleep = gate()
    const awake = gate()
    sleeper.passivating = asleep.promise
    sleeper.activating = awake.promise
    await clock.advance(60_000)
    expect(sleeper.inspect().state).toBe('passivating')
    const calls = [sleeper.call('during sleep')]
    asleep.resolve()
    await flushEventLoop()
    expect(sleeper.inspect().state).toBe('activating')
    calls.push(sleeper.call('during wake'))
    awake.resolve()
    expect(await Promise.all(calls)).toEqual(['ok', 'ok'])
    expect(sleeper.log).toEqual(['sleep', 'wake', 'during sleep', 'during wake'])
  })

  test('stays awake for as long as it is held', async () => {
    const { sleeper, clock } = await started()
    const hold = gate()
    await sleeper.call(hold.promise)
    await clock.advance(200_000)
    expect(sleeper.log).toEqual([])
    hold.resolve()
    await clock.advance(60_000)
    expect(sleeper.log).toEqual(['sleep'])
  })

  test('can be stopped asleep, and while it falls asleep', async () => {
    const { sleeper, clock } = await started()
    await clock.advance(60_000)
    expect(await sleeper.stop()).toEqual({ type: 'shutdown' })
    const other = await started()
    const asleep = gate()
    other.sleeper.passivating = asleep.promise
    await other.clock.advance(60_000)
    const stop = other.sleeper.stop()
    asleep.resolve()
    expect(await stop).toEqual({ type: 'shutdown' })
    expect(clock.pendingTimers).toBe(0)
  })

  test('crashes when it cannot fall asleep or wake, and says so to who waits', async () => {
    const { sleeper, clock } = await started()
    await clock.advance(60_000)
    sleeper.activating = Promise.reject(new Error('cannot read'))
    await expect(sleeper.call('x')).rejects.toMatchObject({ code: 'actor-crashed', cause: { message: 'cannot read' } })
  })

  test('keeps the deadline of a call that waits for it to wake', async () => {
    const { sleeper, clock } = await started()
    await clock.advance(60_000)
    sleeper.activating = new Promise(() => {})
    const failed = expect(sleeper.call('x', { timeoutMs: 100 })).rejects.toMatchObject({ code: 'call-timeout' })
    await clock.advance(100)
    await failed
  })
})
