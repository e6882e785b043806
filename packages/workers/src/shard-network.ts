/** What a `ShardedStore` needs of the workers beside its own. */
import type { JsonValue, NodeRef } from '@beamclaw/core'

/** Resolves with the reply to a call of another worker. A rejection travels with its code and details. */
export type ShardHandler = (body: JsonValue, from: NodeRef) => Promise<JsonValue>

/** Gives a shard away. Resolves with what ends that, once the parent has said where the shard is. */
export type YieldHandler = (shard: number) => Promise<() => void>

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
  /** Has `handler` give a shard away when the parent asks for it: it resolves once another process can open it, with what is called when it may be used again. */
  onYield(handler: YieldHandler): void
  /** Calls back when shards have moved, and with the incarnations that have ended. */
  onChange(listener: (gone: readonly string[]) => void): void
}
