import { describe, expect, test } from 'vitest'
import { silentLogger } from '../defaults/console-logger.ts'
import type { Clock, Logger } from '../ports/services.ts'
import { DynamicSupervisor } from '../supervisor/dynamic-supervisor.ts'
import { Telemetry } from '../telemetry/telemetry.ts'
import { flushEventLoop, ManualClock } from '../testing/manual-clock.ts'
import { Probe } from '../testing/probe.ts'

/** A manual clock that code can hold up, and that notes how long timers had no turn. */
function blockableClock(): { readonly clock: Clock; readonly block: (ms: number) => void; readonly longestMs: () => number } {
  const manual = new ManualClock()
  let blockedMs = 0
  let sinceRound = 0
  let longest = 0
  const clock: Clock = {
    now: () => manual.now() + blockedMs,
    monotonic: () => manual.monotonic() + blockedMs,
    setTimer: (callback, delayMs) => manual.setTimer(callback, delayMs),
    yieldTo: (callback) =>
      manual.yieldTo(() => {
        sinceRound = 0
        callback()
      }),
  }
  const block = (ms: number): void => {
    blockedMs += ms
    sinceRound += ms
    longest = Math.max(longest, sinceRound)
  }
  return { clock, block, longestMs: () => longest }
}

describe('timers and sockets get their turn', () => {
  test('after 8 ms and the handler that is running then, with 256 messages of one actor', async () => {
    const { clock, block, longestMs } = blockableClock()
    const probe = await new Probe().start({ clock, logger: silentLogger })
    for (let index = 0; index < 256; index++) probe.cast(() => block(4))
    await expect.poll(() => probe.inspect().mailboxLength).toBe(0)
    expect(longestMs()).toBeLessThanOrEqual(12)
  })

  test('after as long with 16 actors of 15 messages each', async () => {
    const { clock, block, longestMs } = blockableClock()
    const supervisor = await new DynamicSupervisor().start({ clock, logger: silentLogger })
    const probes = Array.from({ length: 16 }, () => new Probe())
    for (const probe of probes) await supervisor.startChild({ start: () => probe })
    for (const probe of probes) for (let index = 0; index < 15; index++) probe.cast(() => block(4))
    await expect.poll(() => probes.every((probe) => probe.inspect().mailboxLength === 0)).toBe(true)
    expect(longestMs()).toBeLessThanOrEqual(12)
  })
})

describe('nothing that user code does stops the other actors', () => {
  const throwing: Logger = {
    log: () => {
      throw new Error('the logger fails')
    },
  }
  const failing = (): never => {
    throw new Error('then fails')
  }

  test.each([
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested
    ['a thenable with a throwing then', () => ({ then: failing })],
    [
      'a getter in place of then',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what is tested
        get then(): never {
          return failing()
        },
      }),
    ],
    ['an error whose message cannot be read', () => Promise.reject(Object.defineProperty(new Error(), 'message', { get: failing }))],
  ])('%s, a throwing logger and throwing listeners', async (_what, work) => {
    const telemetry = new Telemetry(throwing)
    for (const type of ['actor-start', 'actor-exit', 'actor-restart'] as const) telemetry.on(type, failing)
    const supervisor = await new DynamicSupervisor().start({ clock: new ManualClock(), logger: throwing, telemetry })
    const [bad, good] = [new Probe(), new Probe()]
    for (const probe of [bad, good]) await supervisor.startChild({ restart: 'temporary', start: () => probe })
    bad.monitor(failing)
    for (const lane of ['work', 'control'] as const) {
      const probe = lane === 'work' ? bad : new Probe()
      if (lane === 'control') await supervisor.startChild({ restart: 'temporary', start: () => probe })
      await expect(probe.call(work, { lane })).rejects.toMatchObject({ code: 'actor-crashed' })
      expect(await good.call(() => 'alive')).toBe('alive')
    }
    await flushEventLoop()
  })
})

describe('a logger that says what it wants', () => {
  const crash = async (logger: Logger): Promise<void> => {
    const probe = await new Probe().start({ logger })
    await probe.call(() => Promise.reject(new Error('boom'))).catch(() => {})
  }

  test('is not bothered with what it does not want, and with the rest it is', async () => {
    const logged: string[] = []
    const log: Logger['log'] = (_level, event) => void logged.push(event)
    await crash({ wants: () => false, log })
    expect(logged).toEqual([])
    await crash({ wants: (level) => level === 'error', log })
    await crash({ ...silentLogger, log })
    expect(logged).toEqual(['actor.crashed', 'actor.crashed'])
  })

  test('and fails to, is told everything', async () => {
    const logged: string[] = []
    const log: Logger['log'] = (_level, event) => void logged.push(event)
    const fails = (): never => {
      throw new Error('the logger fails')
    }
    await crash({ wants: fails, log })
    await crash({ wants: (() => Promise.reject(new Error('later'))) as never, log })
    await new Promise((resolve) => setImmediate(resolve))
    expect(logged).toEqual(['actor.crashed', 'actor.crashed'])
  })
})
