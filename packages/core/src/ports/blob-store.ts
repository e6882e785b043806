/** The port to attachments: bytes that are named by their content, each owned by one session. */
import type { StoreKey } from './store-key.ts'

/** The SHA-256 of the bytes as 64 lower-case hexadecimal digits. */
export type BlobId = string

/** A blob without its bytes. */
export interface BlobInfo {
  readonly id: BlobId
  /** In bytes. */
  readonly size: number
}

/** A blob to be read. */
export interface StoredBlob extends BlobInfo {
  /**
   * The bytes in pieces; each iteration begins anew. Throws `log-corrupt` when the bytes are not those of the name, and before the last piece: what is
   * wrong is never complete. Throws `log-corrupt` when the blob was deleted since, and `store-stopped` after the stop.
   */
  readonly bytes: AsyncIterable<Uint8Array>
}

/**
 * Bytes under the name of their content. Each belongs to one owner, which is a key of the store: an owner sees its own, and a deletion concerns one owner
 * alone, so that no blob goes while another owner has it. Calls for one owner take effect in call order. Rejects as `Store` does: `invalid-id` for a key or an id that is none, `invalid-message` for what
 * is no `Uint8Array`, `document-too-large`, `store-full`, `store-io`, `store-failed` and `store-stopped`. Proven by `storeContract()` in testkit.
 */
export interface BlobStore {
  /** Resolves with the name of the bytes once they are durable. Bytes that the owner has are not written again. A failed or interrupted call leaves the blob or none. */
  put(owner: StoreKey, bytes: Uint8Array): Promise<BlobId>
  /** Resolves with a blob of the owner, or undefined. Creates nothing. */
  read(owner: StoreKey, id: BlobId): Promise<StoredBlob | undefined>
  /** Resolves with all blobs of the owner, in the order of their ids. Creates nothing. */
  list(owner: StoreKey): Promise<readonly BlobInfo[]>
  /**
   * Gives `to` blobs of `from`, without a copy where the store can. Resolves with those of `ids` that `to` has then, once that is durable; ids that neither
   * has are left out.
   */
  share(from: StoreKey, to: StoreKey, ids: readonly BlobId[]): Promise<readonly BlobId[]>
  /** Deletes all blobs of the owner. Durable as a write is. An interrupted call may leave some of them; it may be repeated. */
  deleteAll(owner: StoreKey): Promise<void>
}
