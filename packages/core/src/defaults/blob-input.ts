/** The checks of a blob store's input, and the names of blobs. For authors of stores: `storeContract()` of testkit requires them. */
import { describeValue } from '@beamclaw/actor/internal'
import { isBlobId } from '../base/attachments.ts'
import { BeamClawError } from '../base/errors.ts'
import type { BlobId } from '../ports/blob-store.ts'

/**
 * Throws `invalid-id` unless `id` is the name of a blob: 64 lower-case hexadecimal digits.
 * @example checkBlobId(id)
 */
export function checkBlobId(id: unknown): asserts id is BlobId {
  if (isBlobId(id)) return
  throw new BeamClawError('invalid-id', `The id of a blob is 64 lower-case hexadecimal digits, received ${describeValue(id)}`)
}

/**
 * Returns a copy of the bytes of a blob, which the caller may change later. Throws `invalid-message` for what is no `Uint8Array`, and
 * `document-too-large` (with `details.maxBytes`) above the limit.
 * @example const copy = blobBytes(bytes, 64 * 1024 * 1024)
 */
export function blobBytes(bytes: unknown, maxBytes: number): Uint8Array<ArrayBuffer> {
  if (!(bytes instanceof Uint8Array)) {
    throw new BeamClawError('invalid-message', `Nothing was stored: a blob is a Uint8Array, received ${describeValue(bytes)}`)
  }
  if (bytes.length <= maxBytes) return new Uint8Array(bytes)
  throw new BeamClawError('document-too-large', `The blob takes ${bytes.length} bytes, the limit is ${maxBytes}`, { details: { maxBytes } })
}

/**
 * Resolves with the name of bytes: their SHA-256.
 * @example const id = await blobIdOf(bytes)
 */
export async function blobIdOf(bytes: Uint8Array<ArrayBuffer>): Promise<BlobId> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  let id = ''
  for (const byte of digest) id += byte.toString(16).padStart(2, '0')
  return id
}
