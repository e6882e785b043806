/** Several nodes in one process: a BeamClaw each, over one store and one network in memory. */
import { BeamClaw, type BeamClawOptions, defineAgent, MemoryStore, type Part, type RunningBeamClaw, type Tool } from '@beamclaw/core'
import { wrapStore } from '@beamclaw/core/adapter'
import { type MemoryCluster, MemoryNetwork, ScriptedProvider, textAnswer } from '@beamclaw/testkit'
import { expect, vi } from 'vitest'

/** A node: its BeamClaw, and its place in the network. */
export interface LabNode {
  readonly id: string
  readonly claw: RunningBeamClaw
  readonly cluster: MemoryCluster
}

export type LabAgent = NonNullable<BeamClawOptions['agents']>[number]

export interface NodesOptions {
  readonly count?: number
  readonly answers?: NonNullable<ConstructorParameters<typeof ScriptedProvider>[0]>['answers']
  /** The parts of a node. */
  readonly parts?: (id: string) => readonly Part[]
  /** Agents that a node has beside `main` and `helper`. */
  readonly agents?: (id: string) => readonly (string | LabAgent)[]
  /** The tools of the agent at a node. */
  readonly tools?: (id: string) => readonly Tool[]
}

/** Fast enough for tests, and slow enough for a busy machine. */
const times = { heartbeatMs: 50, ttlMs: 1_000 }

export class Nodes implements AsyncDisposable {
  readonly network = new MemoryNetwork(times)
  readonly store = new MemoryStore()
  readonly nodes: LabNode[] = []
  readonly #options: NodesOptions

  private constructor(options: NodesOptions) {
    this.#options = options
  }

  static async start(options: NodesOptions = {}): Promise<Nodes> {
    const nodes = new Nodes(options)
    const { count = 3 } = options
    for (let index = 0; index < count; index++) await nodes.add(`node-${index}`)
    for (const { claw } of nodes.nodes)
      await vi.waitFor(() => expect(claw.cluster.nodes).toHaveLength(count), { timeout: 10_000, interval: 5 })
    return nodes
  }

  async add(id: string, cluster = this.network.node(id)): Promise<LabNode> {
    const {
      answers = ({ messages }) => textAnswer(`heard ${String(messages.at(-1)?.content)}`),
      tools = () => [],
      parts = () => [],
      agents = () => [],
    } = this.#options
    const claw = new BeamClaw({
      providers: { test: new ScriptedProvider({ answers }) },
      agents: [
        defineAgent({ id: 'main', model: 'test/model', tools: tools(id) }),
        ...['helper', ...agents(id)].map((agent) => (typeof agent === 'string' ? defineAgent({ id: agent, model: 'test/model' }) : agent)),
      ],
      parts: parts(id),
      // One node must not stop the store of the others.
      store: wrapStore(this.store, { stop: async () => {} }),
      cluster,
    })
    const node = { id, claw: await claw.start(), cluster }
    this.nodes.push(node)
    return node
  }

  /** Ends a node as kill -9 does, and starts its next life. */
  async restart(node: LabNode): Promise<LabNode> {
    this.kill(node)
    this.nodes.splice(this.nodes.indexOf(node), 1)
    return this.add(node.id, this.network.restart(node.id))
  }

  /** Ends a node as kill -9 does: nothing of it is told or written any more. */
  kill({ claw, cluster }: LabNode): void {
    cluster.kill()
    claw.kill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map(({ claw }) => claw.stop().catch(() => {})))
  }
}
