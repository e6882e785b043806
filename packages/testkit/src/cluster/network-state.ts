/** What the nodes of one `MemoryNetwork` share: time, membership, keys, lines, and where they are cut. */
import type { Clock, Location, Member, NodeId, NodeRef } from '@beamclaw/core'
import { placementOf } from '@beamclaw/core/adapter'
import { KeyRegistry } from './key-registry.ts'
import { type Envelope, MessageLines } from './message-lines.ts'
import { NodeDirectory } from './node-directory.ts'

/** The times of a network. */
export interface NetworkTimes {
  readonly clock: Clock
  readonly ttlMs: number
  readonly heartbeatMs: number
  readonly latencyMs: number
}

/** The end of the lines at one life of a node. */
export interface Endpoint {
  receive(envelope: Envelope): void
}

/** Owns what a real network has outside its nodes. An endpoint is there from `join` until its life is stopped, killed or replaced. */
export class NetworkState {
  readonly times: NetworkTimes
  readonly directory: NodeDirectory
  readonly keys: KeyRegistry
  readonly lines: MessageLines
  readonly endpoints = new Map<string, Endpoint>()
  /** Cut off from every other node and from the membership service. */
  readonly isolated = new Set<NodeId>()
  readonly #cuts = new Set<string>()

  constructor(times: NetworkTimes) {
    const { clock, ttlMs, heartbeatMs, latencyMs } = times
    this.times = times
    const monotonic = (): number => clock.monotonic()
    this.directory = new NodeDirectory({ monotonic, ttlMs, heartbeatMs, onEnd: (ref) => this.keys.releaseAll(ref) })
    this.keys = new KeyRegistry({ monotonic, isLive: (node) => this.directory.isLive(node) })
    this.lines = new MessageLines({
      clock,
      latencyMs,
      isCut: (from, to) => this.isCut(from, to),
      deliver: (envelope) => this.endpoints.get(envelope.to.incarnation)?.receive(envelope),
    })
  }

  /** Returns the owner of a key, or where it is to be started; undefined when no node has joined. */
  locate(key: string): Location | undefined {
    const owner = this.keys.ownerOf(key)
    const epoch = this.keys.epochOf(key)
    if (owner !== undefined) return { node: owner, isOwner: true, epoch }
    const members = this.directory.members()
    // When all are draining, a draining one has to do.
    const anyone = members.map((member): Member => ({ ...member, state: 'up' }))
    const node = this.keys.heirOf(key) ?? placementOf(key, members) ?? placementOf(key, anyone)
    return node === undefined ? undefined : { node, isOwner: false, epoch }
  }

  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(`${from}\n${to}`)
  }

  /** Heals every cut and every isolation of the node; without one, all. */
  heal(id?: NodeId): void {
    for (const cut of this.#cuts) if (id === undefined || cut.split('\n').includes(id)) this.#cuts.delete(cut)
    if (id === undefined) this.isolated.clear()
    else this.isolated.delete(id)
  }

  isCut(from: NodeRef, to: NodeRef): boolean {
    if (from.id === to.id) return false
    return this.isolated.has(from.id) || this.isolated.has(to.id) || this.#cuts.has(`${from.id}\n${to.id}`)
  }

  /** Lets everything that is ready happen first, as a call over a network does. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.times.clock.yieldTo(resolve))
  }
}
