/** The cluster of a single node. */
import type { IdGenerator } from '@beamclaw/actor'
import { RandomIds } from '@beamclaw/actor/internal'
import { type NodeId, parseNodeId } from '../base/ids.ts'
import type { Cluster, Lease } from '../ports/cluster.ts'

/** Options of a `SoloCluster`. */
export interface SoloClusterOptions {
  /** @default 'solo' */
  readonly nodeId?: string
  /** Generates nonces, which distinguish the tokens of this process from those of an earlier one. @default new RandomIds() */
  readonly ids?: IdGenerator
  /** Wall time; epochs are taken from it, so that a later process always has the higher one. @default Date.now */
  readonly now?: () => number
}

/**
 * A `Cluster` of one node, which gets every key that it claims.
 *
 * @example
 * const claw = new BeamClaw({ providers, agents, cluster: new SoloCluster({ nodeId: 'node-1' }) })
 */
export class SoloCluster implements Cluster {
  readonly nodeId: NodeId
  readonly #ids: IdGenerator
  readonly #now: () => number
  #lastEpoch = 0

  constructor(options: SoloClusterOptions = {}) {
    this.nodeId = parseNodeId(options.nodeId ?? 'solo')
    this.#ids = options.ids ?? new RandomIds()
    this.#now = options.now ?? Date.now
  }

  async acquire(key: string, aboveEpoch = 0): Promise<Lease> {
    this.#lastEpoch = Math.max(this.#lastEpoch + 1, this.#now(), aboveEpoch + 1)
    return { key, owner: this.nodeId, token: { epoch: this.#lastEpoch, nonce: this.#ids.next() }, expiresAt: Number.POSITIVE_INFINITY }
  }

  async release(): Promise<void> {}

  async stop(): Promise<void> {}
}
