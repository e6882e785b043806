import { SoloCluster } from '@beamclaw/core'
import { describe, it } from 'vitest'
import { clusterContract } from './cluster-contract.ts'
import { clusterMistakes } from './testing/cluster-mistakes.ts'
import { memoryNodes } from './testing/memory-nodes.ts'
import { messageMistakes } from './testing/message-mistakes.ts'
import { type ClusterMistake, mistakenCluster } from './testing/mistaken-cluster.ts'
import { mistakenNodes, type NodeMistake } from './testing/mistaken-nodes.ts'
import { nodeMistakes } from './testing/node-mistakes.ts'
import { placeMistakes } from './testing/place-mistakes.ts'
import { expectCaught } from './testing/planted-mistakes.ts'

const alone = 'it is a cluster of one, by definition'

clusterContract('SoloCluster', () => ({ cluster: new SoloCluster(), restart: async () => new SoloCluster() }), {
  describe,
  it,
  deadlineMs: 25_000,
  skip: { join: alone, members: alone, places: alone, handOver: alone, requests: alone, tells: alone, death: alone, isolation: alone },
})

clusterContract('MemoryNetwork', memoryNodes, { describe, it, deadlineMs: 25_000 })

const ownershipMistakes: Readonly<Record<string, ClusterMistake>> = clusterMistakes
const otherMistakes: Readonly<Record<string, NodeMistake>> = { ...nodeMistakes, ...placeMistakes, ...messageMistakes }

function catchers(mistakes: Readonly<Record<string, { readonly caughtBy: string }>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(mistakes).map(([flaw, { caughtBy }]) => [flaw, caughtBy]))
}

describe('the Cluster contract', () => {
  expectCaught(catchers(ownershipMistakes), (flaw, options) =>
    clusterContract('A cluster', () => mistakenCluster(flaw === undefined ? undefined : ownershipMistakes[flaw]?.rules), options),
  )
  expectCaught(catchers(otherMistakes), (flaw, options) =>
    clusterContract('A cluster', () => mistakenNodes(flaw === undefined ? undefined : otherMistakes[flaw]), options),
  )
})
