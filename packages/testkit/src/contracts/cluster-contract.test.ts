import { SoloCluster } from '@beamclaw/core'
import { describe, it } from 'vitest'
import { clusterContract } from './cluster-contract.ts'
import { clusterMistakes } from './testing/cluster-mistakes.ts'
import { type ClusterMistake, mistakenCluster } from './testing/mistaken-cluster.ts'
import { expectCaught } from './testing/planted-mistakes.ts'

clusterContract('SoloCluster', () => ({ cluster: new SoloCluster(), restart: async () => new SoloCluster() }), {
  describe,
  it,
  deadlineMs: 25_000,
  skip: { join: 'it is a cluster of one, by definition' },
})

const mistakes: Readonly<Record<string, ClusterMistake>> = clusterMistakes

describe('the Cluster contract', () => {
  expectCaught(Object.fromEntries(Object.entries(mistakes).map(([flaw, { caughtBy }]) => [flaw, caughtBy])), (flaw, options) =>
    clusterContract('A cluster', () => mistakenCluster(flaw === undefined ? undefined : mistakes[flaw]?.rules), options),
  )
})
