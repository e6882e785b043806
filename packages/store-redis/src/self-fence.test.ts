import { describe, expect, test } from 'vitest'
import { SelfFence } from './self-fence.ts'
import { SkewedClock } from './testing/skewed-clock.ts'

/** A clock that stands still unless it is set forward. */
class StillClock extends SkewedClock {
  override now(): number {
    return 1_000_000 + this.wallMs
  }

  override monotonic(): number {
    return this.monotonicMs
  }
}

describe('the fence of a node', () => {
  test('follows the clock that went further, and wall time that was set back changes nothing', () => {
    const clock = new StillClock()
    const fence = new SelfFence(clock, 10_000, { wall: 1_000_000, monotonic: 0 })
    clock.monotonicMs = 4_000
    expect(fence.remainingMs).toBe(6_000)
    clock.wallMs = 7_000
    expect(fence.remainingMs).toBe(3_000)
    clock.wallMs = -3_600_000
    expect(fence.remainingMs).toBe(6_000)
    clock.monotonicMs = 10_000
    expect(fence.remainingMs).toBe(0)
  })

  test('counts from when a renewal was sent, not from its answer', () => {
    const clock = new StillClock()
    const fence = new SelfFence(clock, 10_000, { wall: 1_000_000, monotonic: 0 })
    clock.monotonicMs = 9_000
    fence.confirm({ wall: 1_002_000, monotonic: 2_000 })
    expect([fence.remainingMs, fence.confirmedAt]).toEqual([3_000, 1_002_000])
  })
})
