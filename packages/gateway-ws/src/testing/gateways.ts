/** Several gateways in one process: each over a BeamClaw of its own, all over one store and one network in memory. */
import { BeamClaw, defineAgent, type Logger, MemoryStore, type RunningBeamClaw, silentLogger } from '@beamclaw/core'
import { wrapStore } from '@beamclaw/core/adapter'
import { MemoryNetwork } from '@beamclaw/testkit'
import { expect, vi } from 'vitest'
import { Gateway } from '../gateway.ts'
import type { GatewayOptions } from '../gateway-options.ts'
import { FunctionModel, type ModelFunction } from './scene.ts'

/** One of the gateways. */
export interface GatewayNode {
  readonly id: string
  readonly claw: RunningBeamClaw
  readonly gateway: Gateway
  readonly url: string
}

export interface GatewaysOptions {
  readonly count?: number
  readonly model?: ModelFunction
  readonly gateway?: Partial<GatewayOptions>
  readonly logger?: Logger
}

/** Fast enough for tests, and slow enough for a busy machine. */
const times = { heartbeatMs: 25, ttlMs: 1_000 }

export interface Gateways extends AsyncDisposable {
  readonly network: MemoryNetwork
  readonly nodes: readonly [GatewayNode, ...GatewayNode[]]
}

/** Starts `web-1`, `web-2` and so on. `await using` stops them. */
export async function gateways({
  count = 2,
  model = ({ messages }) => ({ text: `you said ${String(messages.at(-1)?.content)}` }),
  gateway: options = {},
  logger = silentLogger,
}: GatewaysOptions = {}): Promise<Gateways> {
  const network = new MemoryNetwork(times)
  const store = new MemoryStore()
  const start = async (id: string): Promise<GatewayNode> => {
    const claw = await new BeamClaw({
      providers: { test: new FunctionModel(model) },
      agents: [defineAgent({ id: 'main', model: 'test/model' })],
      // One node must not stop the store of the others.
      store: wrapStore(store, { stop: async () => {} }),
      cluster: network.node(id),
      services: { logger },
    }).start()
    const gateway = new Gateway({ claw, port: 0, version: '1.2.3', drainMs: 5_000, ...options, services: { logger, ...options.services } })
    return { id, claw, gateway, url: (await gateway.start()).url }
  }
  const nodes: GatewayNode[] = []
  for (let index = 1; index <= count; index++) nodes.push(await start(`web-${index}`))
  for (const { claw } of nodes) await vi.waitFor(() => expect(claw.cluster.nodes).toHaveLength(count), { timeout: 10_000, interval: 5 })
  return {
    network,
    nodes: nodes as [GatewayNode, ...GatewayNode[]],
    async [Symbol.asyncDispose]() {
      for (const { gateway } of nodes) void gateway.stop()
      await Promise.all(nodes.map(({ claw }) => claw.stop().catch(() => {})))
      await Promise.all(nodes.map(({ gateway }) => gateway.stop()))
    },
  }
}
