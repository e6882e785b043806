/** The cluster of a single node. */
import type { IdGenerator } from '@beamclaw/actor'
import { RandomIds } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import { parseNodeId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import type { Cluster, ClusterHost, Lease, Location, Member, NodeRef, RequestOptions } from '../ports/cluster.ts'

/** Options of a `SoloCluster`. */
export interface SoloClusterOptions {
  /** @default 'solo' */
  readonly nodeId?: string
  /** Generates nonces, which distinguish the tokens of this process from those of an earlier one. @default new RandomIds() */
  readonly ids?: IdGenerator
  /** Wall time; epochs are taken from it, so that a later process always has the higher one. @default Date.now */
  readonly now?: () => number
}

/** The incarnation of a node that is alone with its store: each of its lives goes on with what the one before has left. */
export const soloIncarnation = 'solo'

/**
 * A `Cluster` of one node, which gets every key that it claims.
 *
 * @example
 * const claw = new BeamClaw({ providers, agents, cluster: new SoloCluster({ nodeId: 'node-1' }) })
 */
export class SoloCluster implements Cluster {
  readonly self: NodeRef
  readonly #ids: IdGenerator
  readonly #now: () => number
  #host: ClusterHost | undefined
  #lastEpoch = 0

  constructor(options: SoloClusterOptions = {}) {
    this.self = { id: parseNodeId(options.nodeId ?? 'solo'), incarnation: soloIncarnation }
    this.#ids = options.ids ?? new RandomIds()
    this.#now = options.now ?? Date.now
  }

  get members(): readonly Member[] {
    const { wire, records } = this.#host ?? { wire: [1, 1], records: [1, 1] }
    return [{ ...this.self, state: 'up', load: 0, wire, records }]
  }

  async join(host: ClusterHost): Promise<void> {
    this.#host = host
  }

  async announce(): Promise<void> {}

  async locate(): Promise<Location> {
    return { node: this.self, isOwner: true }
  }

  async acquire(key: string, aboveEpoch = 0): Promise<Lease> {
    this.#lastEpoch = Math.max(this.#lastEpoch + 1, this.#now(), aboveEpoch + 1)
    return { key, owner: this.self.id, token: { epoch: this.#lastEpoch, nonce: this.#ids.next() }, expiresAt: Number.POSITIVE_INFINITY }
  }

  async release(): Promise<void> {}

  async request(node: NodeRef, body: JsonValue, _options: RequestOptions): Promise<JsonValue> {
    if (this.#host === undefined || node.id !== this.self.id) throw new BeamClawError('node-gone', `There is no node "${node.id}"`)
    return this.#host.onRequest(body, this.self)
  }

  tell(node: NodeRef, body: JsonValue): void {
    if (node.id === this.self.id) this.#host?.onTell(body, this.self)
  }

  async stop(): Promise<void> {}
}
