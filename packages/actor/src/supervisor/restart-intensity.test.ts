import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RestartWindow } from './restart-intensity.ts'
import { shouldRestart } from './restart-policy.ts'
import { backoffMs } from './restart-schedule.ts'

describe('restart intensity', () => {
  test('allows a restart exactly when no more than maxRestarts lie within the window that ends with it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }),
        (maxRestarts, withinMs, gaps) => {
          const window = new RestartWindow({ maxRestarts, withinMs })
          const times: number[] = []
          let now = 0
          for (const gap of gaps) {
            now += gap
            times.push(now)
            const inWindow = times.filter((time) => time >= now - withinMs).length
            expect(window.record(now)).toBe(inWindow <= maxRestarts)
          }
        },
      ),
    )
  })
})

describe('the restart decision', () => {
  test.each([
    ['permanent', { type: 'normal' }, true],
    ['permanent', { type: 'killed' }, true],
    ['transient', { type: 'normal' }, false],
    ['transient', { type: 'shutdown' }, false],
    ['transient', { type: 'shutdown', detail: 1 }, false],
    ['transient', { type: 'crashed', cause: 1 }, true],
    ['transient', { type: 'killed' }, true],
    ['transient', { type: 'noproc' }, true],
    ['temporary', { type: 'crashed', cause: 1 }, false],
  ] as const)('%s after %j: %s', (restart, reason, expected) => {
    expect(shouldRestart(restart, reason)).toBe(expected)
  })
})

describe('backoff', () => {
  test('never delays the first restart, then doubles up to its maximum, between half and all of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (restarts, chance) => {
        const delay = backoffMs(restarts, { minMs: 100, maxMs: 5_000 }, chance)
        const full = restarts === 1 ? 0 : Math.min(5_000, 100 * 2 ** (restarts - 2))
        expect(delay).toBeGreaterThanOrEqual(Math.floor(full / 2))
        expect(delay).toBeLessThanOrEqual(full)
      }),
    )
  })
})
