import { SystemClock } from '@beamclaw/actor'
import { ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { zeroUsage } from '../../base/messages.ts'
import type { ProviderPart } from '../../ports/provider.ts'
import { EventLoopTurns } from './event-loop-turns.ts'
import { readAnswer } from './model-answer.ts'

/** A stream that never waits for anything. */
async function* endless(parts: number): AsyncGenerator<ProviderPart> {
  for (let index = 0; index < parts; index++) yield { type: 'text-delta', text: 'x' }
  yield { type: 'finish', reason: 'stop', usage: zeroUsage }
}

describe('streams that never wait', () => {
  test('leave timers their turn: they share one slice', async () => {
    const clock = new SystemClock()
    const turns = new EventLoopTurns(clock)
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        readAnswer(
          () => endless(10_000),
          { signal: new AbortController().signal, turns, clock },
          () => {},
        ),
      ),
    )
    clearInterval(timer)
    expect(answers[19]?.message.content).toEqual([{ type: 'text', text: 'x'.repeat(10_000) }])
    expect(ticks).toBeGreaterThan(2)
  })

  test('look at the clock once for many small pieces', () => {
    let looks = 0
    const clock = new ManualClock()
    clock.monotonic = () => looks++
    clock.yieldTo = () => {}
    const turns = new EventLoopTurns(clock)
    for (let piece = 0; piece < 160; piece++) turns.dueAmongMany()
    expect(looks).toBe(10)
  })

  test('take no turn before a slice of time is spent, and share the one that is due', async () => {
    let now = 0
    let yielded = (): void => {}
    const clock = new ManualClock()
    clock.monotonic = () => now
    clock.yieldTo = (callback) => {
      yielded = callback
    }
    const turns = new EventLoopTurns(clock)
    expect(turns.due()).toBeUndefined()
    now = 7
    expect(turns.due()).toBeUndefined()
    now = 8
    const turn = turns.due()
    expect(turn).toBeDefined()
    expect(turns.due()).toBe(turn)
    yielded()
    await turn
    now = 1_000
    expect(turns.due()).toBeUndefined()
  })
})
