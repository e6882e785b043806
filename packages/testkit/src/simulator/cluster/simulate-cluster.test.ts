import { describe, expect, test } from 'vitest'
import { SimulationFailure } from '../trace.ts'
import { type SimulateClusterOptions, simulateCluster } from './simulate-cluster.ts'

const seeds = 80

async function linesOf(options: SimulateClusterOptions): Promise<readonly string[]> {
  try {
    return (await simulateCluster(options)).trace
  } catch (error) {
    return error instanceof SimulationFailure ? error.trace : Promise.reject(error)
  }
}

describe('a cluster, simulated', () => {
  test(`keeps its promises over ${seeds} seeds`, { timeout: 240_000 }, async () => {
    for (let seed = 1; seed <= seeds; seed++) await simulateCluster({ seed })
  })
})

describe('a cluster at seeds that have found something', () => {
  test.each([
    [7_013_616, 'a message that ended the wait of a run, and the death of its node before the session was listed'],
    [6_010_865, 'a session that was being started when its node drained, and later stopped by itself'],
    [6_003_633, 'a decision whose session was killed, and that came to its end after the run'],
    [5_001_724, 'a decision on its way while a message put its session at rest, and the node drained'],
    [1_400_185, 'a session that left memory in the moment in which its place was checked'],
  ])('keeps its promises: %i, %s', { timeout: 60_000 }, async (seed) => {
    await simulateCluster({ seed })
  })
})

describe('a simulation of a cluster', () => {
  test('is the same for the same seed, and another one for another seed', async () => {
    const all = new Set<string>()
    for (const seed of [1, 2]) {
      const lines = await linesOf({ seed })
      expect(await linesOf({ seed })).toEqual(lines)
      expect(lines.length).toBeGreaterThan(200)
      all.add(lines.join('\n'))
    }
    expect(all.size).toBe(2)
  })

  test('has as many nodes as it is told, and leaves out what it is told', async () => {
    const { nodes, lives, trace } = await simulateCluster({
      seed: 1,
      nodes: 3,
      steps: 40,
      without: ['kill', 'drain', 'store-failure', 'kill-branch'],
    })
    expect([nodes, lives]).toEqual([3, 3])
    expect(trace.filter((line) => line.includes('is killed'))).toEqual([])
  })

  test('has deaths, cuts, faults and work in it', async () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 12; seed++)
      for (const line of await linesOf({ seed })) for (const word of line.match(/[a-z-]+/g) ?? []) seen.add(word)
    const work = [
      'run-start',
      'run-end',
      'run-resume',
      'tool-intent',
      'tool-outcome',
      'approval-request',
      'approval-decision',
      'model-failure',
    ]
    const faults = [
      'killed',
      'freezes',
      'thaws',
      'isolated',
      'cut',
      'healed',
      'drains',
      'away',
      'jumps',
      'fail-before',
      'fail-after',
      'duplicate',
      'hang',
    ]
    for (const word of [...work, ...faults, 'completed', 'node-isolated']) expect(seen).toContain(word)
  })
})
