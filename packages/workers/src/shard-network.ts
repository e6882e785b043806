/** What a `ShardedStore` needs of the workers beside its own. */
import type { JsonValue, NodeRef } from '@beamclaw/core'

/** Resolves with the reply to a call of another worker. A rejection travels with its code and details. */
export type ShardHandler = (body: JsonValue, from: NodeRef) => Promise<JsonValue>

/** The way to the shards of other workers, open as long as the process runs. Made by `WorkerCluster`. */
export interface ShardNetwork {
  readonly self: NodeRef
  /** False once the parent has ended: no other worker will ever be reached. */
  readonly isOpen: boolean
  /** The worker that has the shard; undefined while that is not known. */
  ownerOf(shard: number): NodeRef | undefined
  /** Asks the worker; rejects as `Cluster.request` does. */
  ask(node: NodeRef, body: JsonValue, timeoutMs: number): Promise<JsonValue>
  /** Has `handler` reply to what other workers ask. */
  serve(handler: ShardHandler): void
  /** Calls back when shards have moved, and with the incarnations that have ended. */
  onChange(listener: (gone: readonly string[]) => void): void
}
