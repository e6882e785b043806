import { describe, expect, test } from 'vitest'
import { type SimulateOptions, simulate } from './simulate.ts'
import { SimulationFailure } from './trace.ts'

const seeds = 500

async function outcomeOf(options: SimulateOptions): Promise<SimulationFailure | undefined> {
  try {
    await simulate(options)
    return undefined
  } catch (error) {
    if (error instanceof SimulationFailure) return error
    throw error
  }
}

describe('BeamClaw, simulated', () => {
  test(`keeps its promises over ${seeds} seeds`, { timeout: 240_000 }, async () => {
    for (let seed = 1; seed <= seeds; seed++) await simulate({ seed })
  })
})

describe('a simulation', () => {
  test('is the same for the same seed, and another one for another seed', async () => {
    const linesOf = async (seed: number): Promise<readonly string[]> => {
      try {
        return (await simulate({ seed, without: ['kill-branch', 'abort', 'store-failure'] })).trace
      } catch (error) {
        return error instanceof SimulationFailure ? error.trace : Promise.reject(error)
      }
    }
    const all = new Set<string>()
    for (const seed of [1, 2, 3, 7, 11]) {
      const lines = await linesOf(seed)
      expect(await linesOf(seed)).toEqual(lines)
      expect(lines.length).toBeGreaterThan(100)
      all.add(lines.join('\n'))
    }
    expect(all.size).toBe(5)
  })

  test('has crashes, faults and work in it', async () => {
    let records = 0
    const seen = new Set<string>()
    for (let seed = 1; seed <= 20; seed++) {
      const failure = await outcomeOf({ seed })
      const lines = failure?.trace ?? (await simulate({ seed })).trace
      for (const line of lines) for (const word of line.match(/[a-z-]+/g) ?? []) seen.add(word)
      records += lines.filter((line) => line.includes('agent:main:')).length
    }
    const expected = [
      'run-start',
      'run-steer',
      'run-resume',
      'run-cancel',
      'model-failure',
      'tool-intent',
      'tool-outcome',
      'history-compact',
      'interrupt',
      'collect',
    ]
    for (const word of [...expected, 'fail-before', 'fail-after', 'hang', 'duplicate', 'killed', 'jumps', 'unknown', 'itself'])
      expect(seen).toContain(word)
    expect(records).toBeGreaterThan(1_000)
  })
})

describe('a failure', () => {
  test('names the seed, the invariant and what happened last', () => {
    const trace = Array.from({ length: 100 }, (_, index) => `line ${index}`)
    const failure = new SimulationFailure(7, 'I3', 'call-1 has begun 2 times', trace)
    expect(failure).toMatchObject({ name: 'SimulationFailure', seed: 7, invariant: 'I3', trace })
    expect(failure.message).toMatch(/^seed 7: I3, .*: call-1 has begun 2 times\n/)
    expect(failure.message.split('\n').slice(1)).toEqual(trace.slice(-30))
  })
})
