import { ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { BoundedStop, type StopStep } from './bounded-stop.ts'

const stopOf = (clock: ManualClock, steps: readonly StopStep[]): BoundedStop =>
  new BoundedStop({ steps, clock, hanging: () => [], giveUp: () => {} })

test('the first failure is the outcome, and the steps after it have their turn', async () => {
  const turns: string[] = []
  const failing = (name: string): StopStep => ({
    name,
    stop: async () => {
      turns.push(name)
      throw new Error(name)
    },
  })
  const stop = stopOf(new ManualClock(), [failing('one'), failing('two')])
  await expect(stop.within(1000)).rejects.toThrow('one')
  expect(turns).toEqual(['one', 'two'])
})

test('a stop that is over leaves no timer, for a process would wait for it', async () => {
  const clock = new ManualClock()
  await stopOf(clock, [{ name: 'one', stop: async () => {} }]).within(15_000)
  expect(clock.pendingTimers).toBe(0)
})
