import { SoloCluster } from '@beamclaw/core'
import { clusterContract } from './cluster-contract.ts'

clusterContract('SoloCluster', () => ({ cluster: new SoloCluster(), restart: async () => new SoloCluster() }), {
  skip: { join: 'it is a cluster of one, by definition' },
})
