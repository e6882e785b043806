/** `cluster.status`, `cluster.tree` and `cluster.drain`. */
import type { TreeOutline } from '@beamclaw/core'
import type { TreeRow } from '@beamclaw/protocol'
import type { Method } from './call.ts'

export const clusterStatus: Method<'cluster.status'> = async (_params, { cluster }) => {
  const { nodes, desiredNodes } = await cluster.survey()
  return { nodes: [...nodes], desiredNodes }
}

export const clusterTree: Method<'cluster.tree'> = async ({ mostChildren }, { claw }) => {
  const nodes = await claw.cluster.trees(mostChildren === undefined ? {} : { mostChildren })
  return {
    nodes: nodes.map(({ id, isSelf, state, tree, problem }) => ({
      id,
      isSelf,
      state,
      ...(tree === undefined ? {} : { tree: rowOf(tree) }),
      ...(problem === undefined ? {} : { problem }),
    })),
  }
}

export const clusterDrain: Method<'cluster.drain'> = async ({ id, force = false }, { claw }) => {
  await claw.cluster.drain(id, { force })
  return { id }
}

function rowOf({ children, ...node }: TreeOutline): TreeRow {
  return { ...node, ...(children === undefined ? {} : { children: children.map(rowOf) }) }
}
