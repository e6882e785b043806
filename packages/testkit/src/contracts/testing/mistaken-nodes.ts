/** Nodes of a `MemoryNetwork` that are correct, but for the mistake that is planted into each. */
import type { Cluster, ClusterHost } from '@beamclaw/core'
import type { MemoryCluster } from '../../cluster/memory-cluster.ts'
import type { ClusterUnderTest } from '../cluster-fixtures.ts'
import { memoryNodes, type NodesUnderTest } from './memory-nodes.ts'

/** What a node does in place of what is right. */
export type WrongNode = (node: MemoryCluster, all: NodesUnderTest) => Partial<Cluster>

/** A mistake of an author, and the name of the test that catches it. */
export interface NodeMistake {
  readonly caughtBy: string
  /** Called once for each test: what the nodes share by mistake lives in it. */
  readonly plant: () => WrongNode
}

/** A mistake in one method or property of each node, and nothing that nodes share. */
export function wrong(caughtBy: string, change: WrongNode): NodeMistake {
  return { caughtBy, plant: () => change }
}

/** A mistake in what the host of each node hears. */
export function misheard(
  caughtBy: string,
  change: (host: ClusterHost, node: MemoryCluster, all: NodesUnderTest) => Partial<ClusterHost>,
): NodeMistake {
  return wrong(caughtBy, (node, all) => ({ join: (host) => node.join(replaced(host, change(host, node, all))) }))
}

/** Nodes with this mistake; without one they are correct. */
export function mistakenNodes(mistake: NodeMistake | undefined): ClusterUnderTest {
  const change = mistake?.plant()
  return memoryNodes((node, all) => (change === undefined ? node : replaced<Cluster>(node, change(node, all))))
}

/** Returns the object with some of its properties replaced. */
function replaced<T extends object>(object: T, by: Partial<T>): T {
  return new Proxy(object, {
    get: (target, name) => {
      if (name in by) return Reflect.get(by, name)
      const value: unknown = Reflect.get(target, name)
      // Private fields are of the target only.
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
