/** The blobs of the plain store, as correct as their rules. */
import { BeamClawError, type BlobId, type BlobInfo, type BlobStore, type StoredBlob, type StoreKey } from '@beamclaw/core'
import { blobBytes, blobIdOf, checkBlobId } from '@beamclaw/core/adapter'
import type { PlainBytes, PlainDisk, StoreRules } from './store-rules.ts'

const maxBytes = 64 * 1024 * 1024

export class PlainBlobs implements BlobStore {
  readonly #rules: StoreRules
  readonly #disk: PlainDisk
  readonly #check: (owner: StoreKey) => void
  #turn: Promise<unknown> = Promise.resolve()

  constructor(rules: StoreRules, disk: PlainDisk, check: (owner: StoreKey) => void) {
    this.#rules = rules
    this.#disk = disk
    this.#check = check
  }

  async put(owner: StoreKey, bytes: Uint8Array): Promise<BlobId> {
    this.#check(owner)
    const copy = blobBytes(bytes, maxBytes)
    return this.#inTurn(async () => {
      const id = await blobIdOf(copy)
      this.#own(owner).set(id, copy)
      return id
    })
  }

  async read(owner: StoreKey, id: BlobId): Promise<StoredBlob | undefined> {
    this.#check(owner)
    checkBlobId(id)
    const name = this.#rules.blobOwner(owner)
    const size = this.#disk.blobs.get(name)?.get(id)?.length
    if (size === undefined) return undefined
    const pieces = (): AsyncGenerator<Uint8Array> => this.#pieces(owner, name, id)
    return { id, size, bytes: { [Symbol.asyncIterator]: pieces } }
  }

  async list(owner: StoreKey): Promise<readonly BlobInfo[]> {
    this.#check(owner)
    const own = this.#disk.blobs.get(this.#rules.blobOwner(owner)) ?? []
    const infos = Array.from(own, ([id, { length: size }]) => ({ id, size }))
    return this.#rules.listBlobs(infos.sort((a, b) => (a.id < b.id ? -1 : 1)))
  }

  async share(from: StoreKey, to: StoreKey, ids: readonly BlobId[]): Promise<readonly BlobId[]> {
    for (const key of [from, to]) this.#check(key)
    for (const id of ids) checkBlobId(id)
    const { blobOwner, isShareable, afterShare } = this.#rules
    return this.#inTurn(async () => {
      const [source, target] = [this.#disk.blobs.get(blobOwner(from)), this.#disk.blobs.get(blobOwner(to))]
      const found = [...new Set(ids)].filter((id) => isShareable(source?.has(id) === true, target?.has(id) === true))
      for (const id of found) this.#own(to).set(id, (target?.get(id) ?? source?.get(id)) as PlainBytes)
      afterShare(this.#disk, blobOwner(from), found)
      return found
    })
  }

  async deleteAll(owner: StoreKey): Promise<void> {
    this.#check(owner)
    const { deleteBlobs, blobOwner } = this.#rules
    await this.#inTurn(async () => deleteBlobs(this.#disk, blobOwner(owner)))
  }

  async *#pieces(owner: StoreKey, name: string, id: BlobId): AsyncGenerator<Uint8Array> {
    this.#check(owner)
    const { goneBytes, isGenuine, piecesOf } = this.#rules
    const bytes = this.#disk.blobs.get(name)?.get(id)
    if (bytes === undefined) yield goneBytes(id)
    else if (await isGenuine(bytes, id)) yield* piecesOf(bytes)
    else throw new BeamClawError('log-corrupt', `The blob ${id} is damaged`)
  }

  #own(owner: StoreKey): Map<BlobId, PlainBytes> {
    const name = this.#rules.blobOwner(owner)
    const own = this.#disk.blobs.get(name) ?? new Map<BlobId, PlainBytes>()
    this.#disk.blobs.set(name, own)
    return own
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#rules.blobTurn(this.#turn, work)
    this.#turn = result.catch(() => {})
    return result
  }
}
