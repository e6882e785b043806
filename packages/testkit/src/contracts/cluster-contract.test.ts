import { SoloCluster } from '@beamclaw/core'
import { describe, it } from 'vitest'
import { clusterContract } from './cluster-contract.ts'

clusterContract('SoloCluster', () => ({ cluster: new SoloCluster(), restart: async () => new SoloCluster() }), {
  describe,
  it,
  deadlineMs: 25_000,
  skip: { join: 'it is a cluster of one, by definition' },
})
