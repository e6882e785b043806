/** Digests without the thread pool, whose work takes real time: a virtual clock would run on meanwhile, and no seed would be the same twice. */
import { createHash } from 'node:crypto'

/** Makes `crypto.subtle.digest` answer within its turn of the event loop, until the return value is disposed of. */
export function digestsAtOnce(): Disposable {
  const { subtle } = crypto
  const real = subtle.digest
  subtle.digest = async (_algorithm, data) => {
    const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data)
    return Uint8Array.from(createHash('sha256').update(bytes).digest()).buffer
  }
  return {
    [Symbol.dispose]() {
      subtle.digest = real
    },
  }
}
