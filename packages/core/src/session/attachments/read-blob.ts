/** Reads a whole blob. */
import type { BlobStore } from '../../ports/blob-store.ts'
import type { StoreKey } from '../../ports/store-key.ts'

/** Resolves with the bytes of a blob; undefined for one that is not there. Rejects as the store does. */
export async function readBlob(blobs: BlobStore, owner: StoreKey, id: string): Promise<Uint8Array | undefined> {
  const blob = await blobs.read(owner, id)
  if (blob === undefined) return undefined
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of blob.bytes) {
    pieces.push(piece)
    size += piece.length
  }
  if (pieces.length === 1) return pieces[0]
  const bytes = new Uint8Array(size)
  let end = 0
  for (const piece of pieces) {
    bytes.set(piece, end)
    end += piece.length
  }
  return bytes
}
