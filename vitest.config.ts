import { defineConfig } from 'vitest/config'

// Siblings run from source: no build is needed for a test.
const conditions = ['beamclaw:source', 'module', 'node', 'development|production']

/**
 * msw closes the socket of an aborted fetch before it tells it the error, and Node's fetch takes that for the end of an answer which it has let go of. Both are
 * theirs, and a real connection has the error first (300 aborts): seen with msw 3.0.5, its interceptors 0.45.12, and Node 22.18 and 24.21.
 */
function isOfMsw({ name, stack = '' }: { readonly name?: string; readonly stack?: string }): boolean {
  return name === 'AssertionError' && stack.includes('onHttpSocketClose') && stack.includes('@mswjs')
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['beamclaw:source', 'node'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'tests/*/**/*.test.ts', 'scripts/**/*.test.ts', 'examples/**/*.test.ts', 'bench/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    onUnhandledError: (error) => (isOfMsw(error) ? false : undefined),
  },
})
