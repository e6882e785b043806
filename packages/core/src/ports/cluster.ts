/** The port that says who owns what. */
import type { NodeId } from '../ids.ts'
import type { FencingToken } from './store.ts'

/** Time-bound ownership of `key` by one node. */
export interface Lease {
  readonly key: string
  readonly owner: NodeId
  readonly token: FencingToken
  /** Wall time in milliseconds; `Infinity` when nobody else can ever claim it. */
  readonly expiresAt: number
}

/**
 * Membership and ownership. At any time at most one node's token for a key can write; the store refuses the others with `fenced`,
 * so a wrong answer here costs a hand-over, never two writers. Proven by `clusterContract()` in testkit.
 */
export interface Cluster {
  readonly nodeId: NodeId
  /** Claims `key` for this node, with an epoch above `aboveEpoch` (default 0). Rejects `fenced` when a live node owns it. */
  acquire(key: string, aboveEpoch?: number): Promise<Lease>
  /** Gives `key` up. Idempotent. */
  release(lease: Lease): Promise<void>
  stop(): Promise<void>
}
