import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../seeded-random.ts'
import { oddJson, oddValue, spoiled } from './odd-values.ts'
import { simulateContent } from './simulate-content.ts'

const seeds = 40

describe('a BeamClaw to which odd things are said', () => {
  test(`lives, and so does its next start, over ${seeds} seeds`, { timeout: 60_000 }, async () => {
    const total = { accepted: 0, refused: 0, starts: 0 }
    for (let seed = 1; seed <= seeds; seed++) {
      const report = await simulateContent({ seed })
      total.accepted += report.accepted
      total.refused += report.refused
      total.starts += report.starts
    }
    expect(total.accepted).toBeGreaterThan(seeds * 5)
    expect(total.refused).toBeGreaterThan(seeds * 2)
    expect(total.starts).toBeGreaterThan(seeds * 3)
  })
})

describe('a spoiled value', () => {
  test('is odd in one place, the same for the same seed, and leaves the good one as it was', () => {
    const good = { role: 'user', content: [{ type: 'text', text: 'hello' }] }
    const seen = new Set<string>()
    for (let seed = 1; seed <= 200; seed++) {
      const text = JSON.stringify(spoiled(seededRandom(seed), good, oddJson)) ?? 'undefined'
      expect(JSON.stringify(spoiled(seededRandom(seed), good, oddJson)) ?? 'undefined').toBe(text)
      seen.add(text)
    }
    expect(seen.size).toBeGreaterThan(30)
    expect(good).toEqual({ role: 'user', content: [{ type: 'text', text: 'hello' }] })
    expect(() => oddValue(seededRandom(3))).not.toThrow()
  })
})
