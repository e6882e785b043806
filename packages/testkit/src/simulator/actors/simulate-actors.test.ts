import { describe, expect, test } from 'vitest'
import { simulateActors } from './simulate-actors.ts'

const seeds = 300

describe('trees of actors, simulated', () => {
  test(`keep their promises over ${seeds} seeds`, { timeout: 60_000 }, async () => {
    for (let seed = 1; seed <= seeds; seed++) await simulateActors({ seed })
  })

  test('are the same for the same seed, and have everything in them', async () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 30; seed++) {
      const { trace } = await simulateActors({ seed, checksRetention: false })
      if (seed % 10 === 0) expect((await simulateActors({ seed, checksRetention: false })).trace).toEqual(trace)
      for (const line of trace) for (const word of line.match(/[a-zA-Z-]+/g) ?? []) seen.add(word)
    }
    const operations = [
      'kill',
      'stop',
      'call',
      'cast',
      'startChild',
      'ensureChild',
      'terminateChild',
      'restartChild',
      'deleteChild',
      'alone',
    ]
    const harm = ['throwing-then', 'throwing-getter', 'late-abort', 'stop-itself', 'kill-itself', 'listener', 'gives', 'restarts']
    for (const word of [...operations, ...harm, 'crashed', 'killed', 'shutdown', 'overloaded', 'call-timeout']) expect(seen).toContain(word)
  })
})
