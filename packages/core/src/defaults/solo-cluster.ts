/** The cluster of a single node. */
import { type Clock, type IdGenerator, SystemClock } from '@beamclaw/actor'
import { RandomIds } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import { parseNodeId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import { fromWireError, toWireError } from '../base/wire-error.ts'
import type { Cluster, ClusterHost, Lease, Location, Member, NodeRef, RequestOptions } from '../ports/cluster.ts'
import { encodeJson } from './json-text.ts'

/** Options of a `SoloCluster`. */
export interface SoloClusterOptions {
  /** @default 'solo' */
  readonly nodeId?: string
  /** Generates nonces, which distinguish the tokens of this process from those of an earlier one. @default new RandomIds() */
  readonly ids?: IdGenerator
  /** Wall time; epochs are taken from it, so that a later process always has the higher one. @default Date.now */
  readonly now?: () => number
  /** Times requests of the node to itself. @default new SystemClock() */
  readonly clock?: Pick<Clock, 'setTimer'>
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
  readonly #clock: Pick<Clock, 'setTimer'>
  /** Undefined before `join` and after `stop`. */
  #host: ClusterHost | undefined
  #lastEpoch = 0

  constructor(options: SoloClusterOptions = {}) {
    this.self = { id: parseNodeId(options.nodeId ?? 'solo'), incarnation: soloIncarnation }
    this.#ids = options.ids ?? new RandomIds()
    this.#now = options.now ?? Date.now
    this.#clock = options.clock ?? new SystemClock()
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

  async request(node: NodeRef, body: JsonValue, { timeoutMs }: RequestOptions): Promise<JsonValue> {
    const host = this.#host
    if (host === undefined || node.id !== this.self.id)
      throw new BeamClawError('node-gone', `There is no node "${node.id}"`, { details: { isUndelivered: true } })
    const expired = Promise.withResolvers<never>()
    const timer = this.#clock.setTimer(
      () => expired.reject(new BeamClawError('call-timeout', `Node "${node.id}" sent no reply within ${timeoutMs} ms`)),
      timeoutMs,
    )
    try {
      return copyOf(await Promise.race([host.onRequest(copyOf(body), this.self), expired.promise]))
    } catch (error) {
      throw fromWireError(toWireError(error))
    } finally {
      timer.cancel()
    }
  }

  tell(node: NodeRef, body: JsonValue): void {
    if (this.#host === undefined || node.id !== this.self.id) return
    let copy: JsonValue
    try {
      copy = copyOf(body)
    } catch {
      // A tell may be lost; one that is not JSON always is.
      return
    }
    this.#host.onTell(copy, this.self)
  }

  async stop(): Promise<void> {
    this.#host = undefined
  }
}

/** Returns a body as another node would see it: sender and receiver share no object. */
function copyOf(body: JsonValue): JsonValue {
  return JSON.parse(encodeJson(body, Number.MAX_SAFE_INTEGER)) as JsonValue
}
