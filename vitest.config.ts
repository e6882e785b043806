import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Siblings run from source: no build is needed for a test.
const conditions = ['beamclaw:source', 'module', 'node', 'development|production']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['beamclaw:source', 'node'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'tests/*/**/*.test.ts', 'scripts/**/*.test.ts', 'examples/**/*.test.ts', 'bench/**/*.test.ts'],
    // One for each core, also where there are two: much of the time tests wait for processes of theirs.
    maxWorkers: availableParallelism(),
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
