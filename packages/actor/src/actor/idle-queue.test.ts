import { describe, expect, test } from 'vitest'
import { ManualClock } from '../testing/manual-clock.ts'
import { IdleQueue, type Idler } from './idle-queue.ts'

const afterMs = 1_000

class Sleeper implements Idler {
  readonly #clock: ManualClock
  idleSince: number
  /** When it was asked to fall idle. */
  readonly asked: number[] = []
  isHeld = false

  constructor(clock: ManualClock) {
    this.#clock = clock
    this.idleSince = clock.monotonic()
  }

  fallIdle(): boolean {
    this.asked.push(this.#clock.monotonic())
    return this.isHeld
  }
}

function queueOf(count: number): { clock: ManualClock; queue: IdleQueue; sleepers: Sleeper[]; first: Sleeper } {
  const clock = new ManualClock()
  const queue = new IdleQueue(clock, afterMs)
  const sleepers = Array.from({ length: count }, () => new Sleeper(clock))
  for (const sleeper of sleepers) queue.watch(sleeper)
  return { clock, queue, sleepers, first: sleepers[0] ?? expect.unreachable() }
}

describe('an idler', () => {
  test('is asked once, when it has been idle for long enough', async () => {
    const { clock, first } = queueOf(1)
    await clock.advance(afterMs - 1)
    expect(first.asked).toEqual([])
    await clock.advance(1)
    expect(first.asked).toEqual([1_000])
    await clock.advance(10 * afterMs)
    expect(first.asked).toEqual([1_000])
  })

  test('that was busy meanwhile is asked when it is due by then, not earlier', async () => {
    const { clock, first } = queueOf(1)
    await clock.advance(400)
    first.idleSince = clock.monotonic()
    await clock.advance(afterMs - 1)
    expect(first.asked).toEqual([])
    await clock.advance(1)
    expect(first.asked).toEqual([1_400])
  })

  test('that cannot fall idle yet is asked again after another while, not sooner', async () => {
    const { clock, first } = queueOf(1)
    first.isHeld = true
    await clock.advance(3 * afterMs)
    expect(first.asked).toEqual([1_000, 2_000, 3_000])
    first.isHeld = false
    await clock.advance(5 * afterMs)
    expect(first.asked).toEqual([1_000, 2_000, 3_000, 4_000])
  })

  test('is never asked before its time, and at the latest after twice that, behind one that was busy since', async () => {
    const { clock, sleepers } = queueOf(2)
    const [busy, patient] = sleepers as [Sleeper, Sleeper]
    await clock.advance(1)
    patient.idleSince = clock.monotonic()
    await clock.advance(afterMs - 2)
    busy.idleSince = clock.monotonic()
    await clock.advance(10 * afterMs)
    expect(busy.asked).toEqual([1_999])
    expect(patient.asked).toHaveLength(1)
    expect(patient.asked[0]).toBeGreaterThanOrEqual(1_001)
    expect(patient.asked[0]).toBeLessThan(2 * afterMs + 1)
  })

  test('may be watched again after it fell idle', async () => {
    const { clock, queue, first } = queueOf(1)
    await clock.advance(afterMs)
    first.idleSince = clock.monotonic()
    queue.watch(first)
    await clock.advance(afterMs)
    expect(first.asked).toEqual([1_000, 2_000])
  })
})

describe('ten thousand idlers', () => {
  test('share one timer', async () => {
    const { clock, sleepers } = queueOf(10_000)
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(afterMs)
    expect(sleepers.every(({ asked }) => asked.length === 1)).toBe(true)
    expect(clock.pendingTimers).toBe(0)
  })

  test('that came one after the other are asked one after the other', async () => {
    const clock = new ManualClock()
    const queue = new IdleQueue(clock, afterMs)
    const sleepers: Sleeper[] = []
    for (let index = 0; index < 5; index++) {
      const sleeper = new Sleeper(clock)
      sleepers.push(sleeper)
      queue.watch(sleeper)
      await clock.advance(10)
    }
    await clock.advance(2 * afterMs)
    expect(sleepers.map(({ asked }) => asked)).toEqual([[1_000], [1_010], [1_020], [1_030], [1_040]])
  })
})
