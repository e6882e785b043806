/** `health`, `status` and `agents.list`. */
import type { TreeNode } from '@beamclaw/core'
import { protocolVersion } from '@beamclaw/protocol'
import { defaultAgent, type Method, mainSession } from './call.ts'

export const health: Method<'health'> = (_params, { services, version, uptimeMs }) => ({
  ok: true,
  ts: Math.round(services.clock.now()),
  uptimeMs: uptimeMs(),
  version,
})

export const status: Method<'status'> = (_params, { claw, services, version, admission, uptimeMs, connections }) => {
  const tree = claw.tree()
  return {
    readiness: admission.readiness,
    version,
    protocol: protocolVersion,
    ts: Math.round(services.clock.now()),
    uptimeMs: uptimeMs(),
    connections: connections(),
    agents: claw.agents.map(({ id, model }) => ({ id, model })),
    processes: { sessions: sessionsIn(tree), total: countNodes(tree) },
    nodes: claw.cluster.nodes.map(({ id, state }) => ({ id, state })).sort((a, b) => (a.id < b.id ? -1 : 1)),
    memory: { rssBytes: process.memoryUsage.rss() },
  }
}

export const agentsList: Method<'agents.list'> = (_params, world) => ({
  defaultId: defaultAgent(world).id,
  mainKey: mainSession,
  scope: 'per-sender',
  agents: world.claw.agents.map(({ id, model }) => ({ id, model: { primary: model } })),
})

function countNodes({ children = [] }: TreeNode): number {
  return children.reduce((sum, child) => sum + countNodes(child), 1)
}

/** Returns the number of sessions in memory, in all tenants. */
function sessionsIn(tree: TreeNode): number {
  const tenants = tree.children?.find(({ id }) => id === 'tenants')?.children ?? []
  const places = tenants.map(({ children = [] }) => children.find(({ id }) => id === 'sessions'))
  return places.reduce((sum, place) => sum + (place?.children?.length ?? 0), 0)
}
