import { ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { sleep } from './sleep.ts'

test('a wait takes as long as its clock says', async () => {
  const clock = new ManualClock()
  let isOver = false
  const waiting = sleep(clock, 100).then(() => (isOver = true))
  await clock.advance(99)
  expect(isOver).toBe(false)
  await clock.advance(1)
  await waiting
  expect(isOver).toBe(true)
})

test('a wait that is aborted ends at once with the reason, and leaves no timer', async () => {
  const clock = new ManualClock()
  const controller = new AbortController()
  const waiting = sleep(clock, 100, controller.signal)
  controller.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await expect(sleep(clock, 100, controller.signal)).rejects.toThrow('enough')
  expect(clock.pendingTimers).toBe(0)
})
