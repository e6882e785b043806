/** `cluster.status` and `cluster.drain`. */
import type { Method } from './call.ts'

export const clusterStatus: Method<'cluster.status'> = async (_params, { cluster }) => {
  const { nodes, desiredNodes } = await cluster.survey()
  return { nodes: [...nodes], desiredNodes }
}

export const clusterDrain: Method<'cluster.drain'> = async ({ id, force = false }, { claw }) => {
  await claw.cluster.drain(id, { force })
  return { id }
}
