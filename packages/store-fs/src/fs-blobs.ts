/** The blob store of `FsStore`: its checks, its order of calls, and its limits. */
import { createHash } from 'node:crypto'
import type { BlobId, BlobInfo, BlobStore, StoredBlob, StoreKey } from '@beamclaw/core'
import { blobBytes, checkBlobId } from '@beamclaw/core/adapter'
import { type BlobFiles, blobDirectory } from './blob-files.ts'
import { KeyedQueue } from './queues.ts'

/** What the store does for its blobs. */
export interface BlobHost {
  readonly files: BlobFiles
  readonly maxBytes: number
  /** Returns the path of a key. Throws `invalid-id`, and the error of a store that is stopped or has failed. */
  readonly pathOf: (owner: StoreKey) => string
  /** Runs work while the store owns its directory; a stop waits for it. Rejects with typed errors. */
  readonly run: <T>(what: string, work: () => Promise<T>) => Promise<T>
  /** Runs a bounded number of tasks at once. */
  readonly limit: <T>(task: () => Promise<T>) => Promise<T>
}

/** I1: Writes for one owner run one after the other, in call order. */
export class FsBlobs implements BlobStore {
  readonly #host: BlobHost
  readonly #turns = new KeyedQueue()

  constructor(host: BlobHost) {
    this.#host = host
  }

  async put(owner: StoreKey, bytes: Uint8Array): Promise<BlobId> {
    const { files, maxBytes } = this.#host
    const directory = this.#directoryOf(owner)
    const { buffer } = blobBytes(bytes, maxBytes)
    const copy = Buffer.from(buffer)
    const id = createHash('sha256').update(copy).digest('hex')
    await this.#write(`writing an attachment into ${directory}`, directory, () => files.put(directory, id, copy))
    return id
  }

  async read(owner: StoreKey, id: BlobId): Promise<StoredBlob | undefined> {
    const { files, run, limit, pathOf } = this.#host
    const directory = this.#directoryOf(owner)
    checkBlobId(id)
    const name: BlobId = id
    const size = await run(`reading an attachment of ${directory}`, async () => {
      // What a write has named already is not durable before the write ends.
      await this.#turns.settled(directory)
      return await limit(() => files.sizeOf(directory, name))
    })
    if (size === undefined) return undefined
    const copy: StoreKey = [...owner]
    const pieces = (): AsyncGenerator<Uint8Array> => files.pieces(directory, name, () => void pathOf(copy))
    return { id: name, size, bytes: { [Symbol.asyncIterator]: pieces } }
  }

  async list(owner: StoreKey): Promise<readonly BlobInfo[]> {
    const { files, run, limit } = this.#host
    const directory = this.#directoryOf(owner)
    return await run(`listing ${directory}`, async () => {
      await this.#turns.settled(directory)
      return await limit(() => files.list(directory))
    })
  }

  async share(from: StoreKey, to: StoreKey, ids: readonly BlobId[]): Promise<readonly BlobId[]> {
    const { files } = this.#host
    const [source, target] = [this.#directoryOf(from), this.#directoryOf(to)]
    for (const id of ids) checkBlobId(id)
    const distinct = [...new Set(ids)]
    return await this.#host.run(`sharing attachments with ${target}`, async () => {
      // What is being written for the other owner may be among them.
      await this.#turns.settled(source)
      return await this.#inTurn(target, () => files.share(source, target, distinct))
    })
  }

  async deleteAll(owner: StoreKey): Promise<void> {
    const { files } = this.#host
    const directory = this.#directoryOf(owner)
    await this.#write(`deleting ${directory}`, directory, () => files.deleteAll(directory))
  }

  #write<T>(what: string, directory: string, work: () => Promise<T>): Promise<T> {
    return this.#host.run(what, () => this.#inTurn(directory, work))
  }

  #inTurn<T>(directory: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(directory, () => this.#host.limit(work))
  }

  #directoryOf(owner: StoreKey): string {
    return blobDirectory(this.#host.pathOf(owner))
  }
}
