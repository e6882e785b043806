/** The port for the ownership of keys by the nodes of a cluster. */
import type { NodeId } from '../base/ids.ts'
import type { FencingToken } from './store.ts'

/** Time-bound ownership of `key` by one node. */
export interface Lease {
  readonly key: string
  readonly owner: NodeId
  readonly token: FencingToken
  /** Wall time in milliseconds; `Infinity` when no other node can ever claim it. */
  readonly expiresAt: number
}

/**
 * Membership and ownership. At any time at most one node's token for a key can write; the store refuses the others with `fenced`,
 * so a wrong grant costs a hand-over, never two writers. Proven by `clusterContract()` in testkit.
 */
export interface Cluster {
  readonly nodeId: NodeId
  /**
   * Claims `key` for this node. The epoch of the grant is above `aboveEpoch` (default 0), and above that of every grant of the key before,
   * by whichever node that is alive. Its nonce is unlike every other, also after a restart of the node. A node gets its own key again, and
   * the new lease replaces the old one. Rejects `fenced` when another live node owns the key; of two that claim it at once, one gets it.
   */
  acquire(key: string, aboveEpoch?: number): Promise<Lease>
  /** Releases the key, if this lease of this node holds it now; an older or foreign lease releases nothing. Idempotent. */
  release(lease: Lease): Promise<void>
  /** Releases every key of this node. Idempotent. */
  stop(): Promise<void>
}
