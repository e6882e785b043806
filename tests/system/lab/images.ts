/** Images with deterministic bytes that nothing can shorten. */
import type { ImagePart } from '@beamclaw/core'

/** Bytes of an image. */
export const imageBytes = 2 * 1024 * 1024

export function bytesOfImage(seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(imageBytes)
  let state = seed
  for (let offset = 0; offset < imageBytes; offset += 4) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes.writeInt32LE(state, offset)
  }
  return bytes
}

export function imageOf(seed: number): ImagePart {
  return { type: 'image', mediaType: 'image/png', data: bytesOfImage(seed).toString('base64') }
}
