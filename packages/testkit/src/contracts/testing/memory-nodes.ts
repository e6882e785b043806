/** Nodes of a `MemoryNetwork` as the contract wants them, on a clock that the contract moves. */
import type { Cluster } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import type { MemoryCluster } from '../../cluster/memory-cluster.ts'
import { MemoryNetwork } from '../../cluster/memory-network.ts'
import type { ClusterUnderTest } from '../cluster-fixtures.ts'

/** What a mistake may look at: the network, the clock, and the nodes in the order in which they were made. */
export interface NodesUnderTest {
  readonly network: MemoryNetwork
  readonly clock: ManualClock
  readonly nodes: readonly MemoryCluster[]
}

/** Changes a correct node before the contract sees it. */
export type ChangeNode = (node: MemoryCluster, all: NodesUnderTest) => Cluster

export function memoryNodes(change: ChangeNode = (node) => node): ClusterUnderTest {
  // Leases end in wall time, which the contract compares with the machine's.
  const clock = new ManualClock(Date.now())
  const network = new MemoryNetwork({ clock })
  const nodes: MemoryCluster[] = []
  const all: NodesUnderTest = { network, clock, nodes }
  const add = (node: MemoryCluster): Cluster => {
    nodes.push(node)
    return change(node, all)
  }
  return {
    cluster: add(network.node('node-1')),
    restart: async () => add(network.restart('node-1')),
    join: async () => add(network.node(`node-${nodes.length + 1}`)),
    kill: async (id) => nodes.find(({ self }) => self.id === id)?.kill(),
    isolate: async (id) => {
      network.isolate(id)
      return async () => network.heal(id)
    },
    passTime: (ms) => clock.advance(ms),
    withinMs: 20_000,
    dispose: async () => {
      network.heal()
      for (const node of nodes) await node.stop()
    },
  }
}
