/** The blobs of a store in memory. */
import { BeamClawError } from '../base/errors.ts'
import type { BlobId, BlobInfo, BlobStore, StoredBlob } from '../ports/blob-store.ts'
import type { StoreKey } from '../ports/store-key.ts'
import { blobBytes, blobIdOf, checkBlobId } from './blob-input.ts'

/** Owns the bytes, by owner. `check` throws for a key that is none, and after the stop. */
export class MemoryBlobs implements BlobStore {
  readonly #maxBytes: number
  readonly #check: (owner: StoreKey) => void
  #turn: Promise<unknown> = Promise.resolve()
  readonly #owners = new Map<string, Map<BlobId, Uint8Array>>()

  constructor(maxBytes: number, check: (owner: StoreKey) => void) {
    this.#maxBytes = maxBytes
    this.#check = check
  }

  async put(owner: StoreKey, bytes: Uint8Array): Promise<BlobId> {
    this.#check(owner)
    const name = nameOf(owner)
    const copy = blobBytes(bytes, this.#maxBytes)
    return this.#inTurn(async () => {
      const id = await blobIdOf(copy)
      const own = this.#owned(name)
      if (!own.has(id)) own.set(id, copy)
      return id
    })
  }

  async read(owner: StoreKey, id: BlobId): Promise<StoredBlob | undefined> {
    this.#check(owner)
    checkBlobId(id)
    const name = nameOf(owner)
    const size = this.#owners.get(name)?.get(id)?.length
    if (size === undefined) return undefined
    const pieces = (): AsyncGenerator<Uint8Array> => this.#pieces(owner, name, id)
    return { id, size, bytes: { [Symbol.asyncIterator]: pieces } }
  }

  async list(owner: StoreKey): Promise<readonly BlobInfo[]> {
    this.#check(owner)
    const own = this.#owners.get(nameOf(owner)) ?? []
    return Array.from(own, ([id, { length: size }]) => ({ id, size })).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  async share(from: StoreKey, to: StoreKey, ids: readonly BlobId[]): Promise<readonly BlobId[]> {
    for (const key of [from, to]) this.#check(key)
    for (const id of ids) checkBlobId(id)
    const [source, target] = [nameOf(from), nameOf(to)]
    const distinct = [...new Set(ids)]
    return this.#inTurn(async () => distinct.filter((id) => this.#share(source, target, id)))
  }

  /** Returns false when neither owner has the blob. */
  #share(from: string, to: string, id: BlobId): boolean {
    const bytes = this.#owners.get(to)?.get(id) ?? this.#owners.get(from)?.get(id)
    if (bytes === undefined) return false
    this.#owned(to).set(id, bytes)
    return true
  }

  async deleteAll(owner: StoreKey): Promise<void> {
    this.#check(owner)
    const name = nameOf(owner)
    await this.#inTurn(async () => void this.#owners.delete(name))
  }

  /** Hashing is asynchronous: a later call must not overtake it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {})
    return result
  }

  async *#pieces(owner: StoreKey, name: string, id: BlobId): AsyncGenerator<Uint8Array> {
    this.#check(owner)
    const bytes = this.#owners.get(name)?.get(id)
    if (bytes === undefined) throw new BeamClawError('log-corrupt', `The blob ${id} was deleted while it was read`)
    yield bytes.slice()
  }

  #owned(name: string): Map<BlobId, Uint8Array> {
    const own = this.#owners.get(name) ?? new Map<BlobId, Uint8Array>()
    this.#owners.set(name, own)
    return own
  }
}

function nameOf(owner: StoreKey): string {
  return JSON.stringify(owner)
}
