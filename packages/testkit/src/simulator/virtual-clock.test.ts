import { expect, test } from 'vitest'
import { VirtualClock } from './virtual-clock.ts'

test('the timers of an owner that is frozen wait for its thaw, and then fire in their order', async () => {
  const clock = new VirtualClock()
  const fired: string[] = []
  const [frozen, other] = [clock.clockOf('frozen'), clock.clockOf('other')]
  frozen.setTimer(() => fired.push('late'), 20)
  frozen.setTimer(() => fired.push('early'), 10)
  other.setTimer(() => fired.push('other'), 15)
  clock.freeze('frozen')
  await clock.advance(100)
  expect(fired).toEqual(['other'])
  clock.thaw('frozen')
  await clock.advance(0)
  expect(fired).toEqual(['other', 'early', 'late'])
  expect(clock.elapsed).toBe(100)
})
