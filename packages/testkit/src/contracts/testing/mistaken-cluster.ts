/** A plain cluster of nodes in one process that is correct by its default rules; each flaw of an author is another rule in place of one of them. */
import { BeamClawError, type Cluster, type Lease, type Location, type Member, type NodeId, type NodeRef } from '@beamclaw/core'
import type { ClusterUnderTest } from '../cluster-contract.ts'

/** The state that the nodes share. */
export interface Registry {
  readonly holders: Map<string, Lease>
  readonly epochs: Map<string, number>
  nonces: number
  lives: number
}

/** Everything about which authors of clusters are mistaken. */
export interface ClusterRules {
  readonly nameOf: (key: string) => string
  readonly nodeId: (node: string, life: number) => string
  readonly epoch: (last: number, above: number, registry: Registry) => number
  readonly nonce: (registry: Registry, life: number) => string
  readonly lease: (lease: Lease) => Lease
  readonly isTaken: (holder: Lease | undefined, node: NodeId, above: number) => boolean
  readonly taken: (key: string) => Error
  /** A wait between the look at the holder and the grant. */
  readonly beforeGrant: () => Promise<void> | undefined
  readonly mayFree: (lease: Lease, holder: Lease | undefined, node: NodeId) => boolean
  readonly onRelease: (registry: Registry, name: string, count: number) => void
  /** The holders that are there once a node has stopped. */
  readonly onStop: (registry: Registry, node: NodeId, count: number) => void
  readonly onRestart: (registry: Registry, node: NodeId) => void
  readonly registry: (shared: Registry) => Registry
}

/** A mistake of an author, and the name of the test that catches it. */
export interface ClusterMistake {
  readonly caughtBy: string
  readonly rules: Partial<ClusterRules>
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export function newRegistry(): Registry {
  return { holders: new Map(), epochs: new Map(), nonces: 0, lives: 0 }
}

const firstEpoch = 1_000

export const correctCluster: ClusterRules = {
  nameOf: (key) => key,
  nodeId: (node) => node,
  epoch: (last, above) => Math.max(last, above, firstEpoch) + 1,
  nonce: (registry) => `nonce-${++registry.nonces}`,
  lease: (lease) => lease,
  isTaken: (holder, node) => holder !== undefined && holder.owner !== node,
  taken: (key) => new BeamClawError('fenced', `Another node owns ${key}`),
  beforeGrant: () => undefined,
  mayFree: (lease, holder, node) => holder?.owner === node && holder.token.nonce === lease.token.nonce,
  onRelease: ({ holders }, name) => void holders.delete(name),
  onStop: ({ holders }, node) => {
    for (const [name, { owner }] of holders) if (owner === node) holders.delete(name)
  },
  onRestart: () => {},
  registry: (shared) => shared,
}

class MistakenCluster implements Cluster {
  readonly self: NodeRef
  readonly members: readonly Member[] = []
  readonly #rules: ClusterRules
  readonly #registry: Registry
  readonly #life: number
  readonly #releases = new Map<string, number>()
  #stops = 0

  constructor(rules: ClusterRules, registry: Registry, node: string) {
    this.#rules = rules
    this.#registry = rules.registry(registry)
    this.#life = ++registry.lives
    this.self = { id: rules.nodeId(node, this.#life) as NodeId, incarnation: `life-${this.#life}` }
  }

  async acquire(key: string, aboveEpoch = 0): Promise<Lease> {
    const { nameOf, epoch, nonce, lease, isTaken, taken, beforeGrant } = this.#rules
    const name = nameOf(key)
    await turn()
    if (isTaken(this.#registry.holders.get(name), this.self.id, aboveEpoch)) throw taken(key)
    const last = this.#registry.epochs.get(name) ?? 0
    await beforeGrant()
    const token = { epoch: epoch(last, aboveEpoch, this.#registry), nonce: nonce(this.#registry, this.#life) }
    const granted = lease({ key, owner: this.self.id, token, expiresAt: Date.now() + 30_000 })
    this.#registry.epochs.set(name, granted.token.epoch)
    this.#registry.holders.set(name, granted)
    return granted
  }

  async join(): Promise<void> {}

  async announce(): Promise<void> {}

  async locate(): Promise<Location> {
    return { node: this.self, isOwner: true }
  }

  async request(): Promise<never> {
    throw new BeamClawError('node-gone', 'There is no other node')
  }

  tell(): void {}

  async release(lease: Lease): Promise<void> {
    const name = this.#rules.nameOf(lease.key)
    await turn()
    const count = (this.#releases.get(lease.token.nonce) ?? 0) + 1
    this.#releases.set(lease.token.nonce, count)
    const isFreed = this.#rules.mayFree(lease, this.#registry.holders.get(name), this.self.id)
    if (isFreed || count > 1) this.#rules.onRelease(isFreed ? this.#registry : newRegistry(), name, count)
  }

  async stop(): Promise<void> {
    this.#rules.onStop(this.#registry, this.self.id, ++this.#stops)
  }
}

/** A node of a cluster with these rules; it can be restarted, and others can join it. */
export function mistakenCluster(mistaken: Partial<ClusterRules> | undefined): ClusterUnderTest {
  const rules = { ...correctCluster, ...mistaken }
  const registry = newRegistry()
  const cluster = new MistakenCluster(rules, registry, 'node-a')
  return {
    cluster,
    async restart() {
      rules.onRestart(registry, cluster.self.id)
      return new MistakenCluster(rules, registry, 'node-a')
    },
    join: async () => new MistakenCluster(rules, registry, 'node-b'),
  }
}
