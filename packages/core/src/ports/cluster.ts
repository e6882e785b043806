/** The port for everything between nodes: who they are, which of them owns a key, and the way from one to another. */
import type { NodeId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import type { FencingToken } from './store.ts'

/** One life of a node: its next start is another incarnation. */
export interface NodeRef {
  readonly id: NodeId
  /** 1 to 64 of `A-Za-z0-9_-`, and unlike that of every other life of every node. Only a node that is alone with its store has the same one in each life. */
  readonly incarnation: string
}

/** `draining`: it finishes what it has, and takes nothing new. */
export type MemberState = 'up' | 'draining'

/** The oldest and the newest version. */
export type VersionRange = readonly [oldest: number, newest: number]

/** A node as the others see it. */
export interface Member extends NodeRef {
  readonly state: MemberState
  /** From 0: awake sessions and 10 for each run under way, divided by the node's weight. */
  readonly load: number
  /** The frames between nodes that it speaks. */
  readonly wire: VersionRange
  /** The formats of journals that it reads. */
  readonly records: VersionRange
}

/** Where a key is owned. */
export interface Location {
  /** The owner; without one, the node that is to become it. */
  readonly node: NodeRef
  readonly isOwner: boolean
  /**
   * The epoch of the last grant of the key, also of one that is free again; 0 without one. It differs from the one before exactly when the key was granted
   * meanwhile, or not for an hour. Undefined where keys have fixed places.
   */
  readonly epoch?: number
}

/** Time-bound ownership of `key` by one node. */
export interface Lease {
  readonly key: string
  readonly owner: NodeId
  readonly token: FencingToken
  /** Wall time in milliseconds; `Infinity` when no other node can ever claim it. */
  readonly expiresAt: number
}

/** What joined and left since the last call. */
export interface MemberChange {
  readonly joined: readonly Member[]
  readonly left: readonly NodeRef[]
}

/** What a node gives its cluster. No method throws; each is called after `join` was, and none after `stop`. */
export interface ClusterHost {
  readonly wire: VersionRange
  readonly records: VersionRange
  /** What `Store.id` of the node's store resolved with. A cluster that knows the store of its nodes takes no node over another one. */
  readonly storeId?: string | undefined
  /** Resolves with the reply to a request of another node. A rejection travels as `toWireError` makes it. */
  onRequest(body: JsonValue, from: NodeRef): Promise<JsonValue>
  onTell(body: JsonValue, from: NodeRef): void
  onMembers(change: MemberChange): void
  /**
   * The node is cut off: its membership was not confirmed for two thirds of the time after which the others take it for dead, or they did so. It must
   * stop working now: its keys may have new owners soon.
   */
  onIsolated(): void
  /** The node is a member again, as another incarnation that owns nothing. */
  onRejoined(self: NodeRef): void
}

/** Options of `Cluster.request`. */
export interface RequestOptions {
  readonly timeoutMs: number
}

/**
 * Membership, ownership and the way between nodes. At any time at most one node's token for a key can write; the store refuses the others with `fenced`,
 * so a wrong answer costs a hand-over, never two writers. Proven by `clusterContract()` in testkit.
 */
export interface Cluster {
  /** The present life of this node. */
  readonly self: NodeRef
  /** The live nodes, in no order, as they were at most two heartbeats ago; after `join` it contains this one. */
  readonly members: readonly Member[]
  /** True where the node of a session follows from its key alone: to release a session to another node moves nothing. @default false */
  readonly hasFixedPlaces?: boolean
  /**
   * Makes this node a member. Once; before it there are leases alone. The members that are there already are not told to `onMembers`. Rejects
   * `node-id-taken` while another live node has this id, `invalid-option` for a node over another store than the cluster's, and as the transport does.
   */
  join(host: ClusterHost): Promise<void>
  /** Tells the others of a change; seen within two heartbeats. Rejects as the transport does. */
  announce(change: { readonly state?: MemberState; readonly load?: number }): Promise<void>
  /** Resolves with the live owner of a key, or the node where it is to be started: never a draining one while another is up. */
  locate(key: string): Promise<Location>
  /**
   * Claims `key` for this node. The epoch of the grant is above `aboveEpoch` (default 0), and above that of every grant of the key before,
   * by whichever node that is alive. Its nonce is unlike every other, also after a restart of the node. A node gets its own key again, and
   * the new lease replaces the old one; so it does after a restart, though another life of it held the key. Rejects `fenced` when another live node owns the
   * key, or it was released to another one just now: `details.owner` is that node's `NodeRef`. Of two that claim it at once, one gets it.
   */
  acquire(key: string, aboveEpoch?: number): Promise<Lease>
  /**
   * Releases the key, if this lease of this node holds it now; an older or foreign lease releases nothing. Idempotent. With `to`, only that node may claim
   * it for the next 5 s, and `locate` names it.
   */
  release(lease: Lease, to?: NodeRef): Promise<void>
  /**
   * Asks another node. Rejects with the other's error; `node-gone` when its node is dead, or was not reached: with `details.isUndelivered` true it is certain
   * that the message was not carried out; `call-timeout` when no answer came in time, and nothing is known.
   */
  request(node: NodeRef, body: JsonValue, options: RequestOptions): Promise<JsonValue>
  /** Sends what needs no answer: at most once, in order for each pair of nodes, many in one batch. Never throws. */
  tell(node: NodeRef, body: JsonValue): void
  /** Leaves: the node is no member any more, and releases every key. Idempotent. */
  stop(): Promise<void>
}
