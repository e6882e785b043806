/** Attachments: a hash of ids and sizes for each owner, and pieces of 512 KiB. */
import { createHash } from 'node:crypto'
import type { BlobId, BlobInfo, BlobStore, StoredBlob, StoreKey } from '@beamclaw/core'
import { blobBytes, checkBlobId } from '@beamclaw/core/adapter'
import { logCorrupt } from './failures.ts'
import { type KeyNames, keyNames } from './key-names.ts'
import { KeyedQueue } from './keyed-queue.ts'
import type { RedisReply, RedisScript, RedisWord } from './redis-client.ts'
import type { RedisLink } from './redis-link.ts'
import { blobPutScript, blobShareScript, commandScript } from './scripts.ts'

/** What the store does for its blobs. */
export interface BlobHost {
  readonly link: RedisLink
  readonly prefix: string
  readonly maxBytes: number
  /** Rejects when the server holds another store: called before something is said to be missing. */
  readonly confirm: () => Promise<void>
  /** Throws for a key that is none, and after the stop. */
  readonly check: (owner: StoreKey) => void
  /** Runs work that a stop waits for. */
  readonly run: <T>(work: () => Promise<T>) => Promise<T>
}

const pieceBytes = 512 * 1024
const keysAtOnce = 1_000
// In place of a size, while pieces are being written: a deletion finds them, and a list does not.
const pendingMark = '-'

/**
 * I1: Writes for one owner run one after the other, in call order. I2: The size of a blob is written after its last piece, so a blob is there as a whole or
 * not at all. I3: All that writes is a guarded script, so nothing is written into another store, shared in it, or deleted from it.
 */
export class RedisBlobs implements BlobStore {
  readonly #host: BlobHost
  readonly #turns = new KeyedQueue()

  constructor(host: BlobHost) {
    this.#host = host
  }

  async put(owner: StoreKey, bytes: Uint8Array): Promise<BlobId> {
    const names = this.#namesOf(owner)
    const copy = blobBytes(bytes, this.#host.maxBytes)
    const id = createHash('sha256').update(copy).digest('hex')
    await this.#inTurn(names, async () => {
      const size = String(copy.length)
      if ((await this.#script(blobPutScript, [names.blobs], id, size)) === 0) return
      for (let index = 0; index * pieceBytes < copy.length; index++) {
        const piece = copy.subarray(index * pieceBytes, (index + 1) * pieceBytes)
        await this.#send('SET', [names.blobPiece(id, index)], piece)
      }
      await this.#send('HSET', [names.blobs], id, size)
    })
    return id
  }

  async read(owner: StoreKey, id: BlobId): Promise<StoredBlob | undefined> {
    const names = this.#namesOf(owner)
    checkBlobId(id)
    const copy: StoreKey = [...owner]
    const size = await this.#inTurn(names, async () => {
      const text = await this.#read('HGET', names.blobs, id)
      if (typeof text === 'string' && !text.startsWith(pendingMark)) return Number(text)
      await this.#host.confirm()
      return undefined
    })
    if (size === undefined) return undefined
    const pieces = (): AsyncGenerator<Uint8Array> => this.#pieces(copy, names, { id, size })
    return { id, size, bytes: { [Symbol.asyncIterator]: pieces } }
  }

  async list(owner: StoreKey): Promise<readonly BlobInfo[]> {
    const names = this.#namesOf(owner)
    const all = await this.#inTurn(names, () => this.#all(names))
    const whole = all.filter(({ isPending }) => !isPending)
    return whole.map(({ id, size }) => ({ id, size })).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  async share(from: StoreKey, to: StoreKey, ids: readonly BlobId[]): Promise<readonly BlobId[]> {
    const [source, target] = [this.#namesOf(from), this.#namesOf(to)]
    for (const id of ids) checkBlobId(id)
    const distinct = [...new Set(ids)]
    // What is being written for the other owner may be among them.
    await this.#inTurn(source, async () => undefined)
    return await this.#inTurn(target, async () => {
      const shared: BlobId[] = []
      for (const id of distinct) if (await this.#copy(source, target, id)) shared.push(id)
      return shared
    })
  }

  async deleteAll(owner: StoreKey): Promise<void> {
    const names = this.#namesOf(owner)
    await this.#inTurn(names, async () => {
      for (const { id, size } of await this.#all(names)) {
        const pieces = Array.from({ length: Math.ceil(size / pieceBytes) }, (_, index) => names.blobPiece(id, index))
        // Unlisted first: a blob whose pieces go is none. The mark stays until they are gone, so that a repetition finds them.
        await this.#send('HSET', [names.blobs], id, `${pendingMark}${size}`)
        for (let at = 0; at < pieces.length; at += keysAtOnce) await this.#send('UNLINK', pieces.slice(at, at + keysAtOnce))
        await this.#send('HDEL', [names.blobs], id)
      }
    })
  }

  /** Copies the pieces within the server. Resolves with false when neither owner has the blob. */
  async #copy(source: KeyNames, target: KeyNames, id: BlobId): Promise<boolean> {
    const size = Number(await this.#script(blobShareScript, [source.blobs, target.blobs], id))
    if (size < 0) return size === -2
    for (let index = 0; index * pieceBytes < size; index++) {
      const copied = await this.#send('COPY', [source.blobPiece(id, index), target.blobPiece(id, index)], 'REPLACE')
      if (copied !== 1) return false
    }
    await this.#send('HSET', [target.blobs], id, String(size))
    return true
  }

  /** The last piece is held back until the digest of all is known to be right. */
  async *#pieces(owner: StoreKey, names: KeyNames, { id, size }: BlobInfo): AsyncGenerator<Uint8Array> {
    const { link, run, check, confirm } = this.#host
    const digest = createHash('sha256')
    const count = Math.ceil(size / pieceBytes)
    for (let index = 0; index < count; index++) {
      check(owner)
      const piece = await run(async () => {
        const found = await link.read('reading an attachment', ['GET', names.blobPiece(id, index)], { asBytes: true })
        if (found === null) await confirm()
        return found
      })
      if (!(piece instanceof Uint8Array)) throw logCorrupt(`the attachment ${id} was deleted, or a piece of it is missing`)
      digest.update(piece)
      if (index === count - 1 && digest.digest('hex') !== id)
        throw logCorrupt(`the bytes of the attachment ${id} are not those of its name`)
      yield new Uint8Array(piece)
    }
  }

  async #all(names: KeyNames): Promise<(BlobInfo & { readonly isPending: boolean })[]> {
    const found = new Map<string, string>()
    let cursor = '0'
    do {
      const reply = await this.#read('HSCAN', names.blobs, cursor, 'COUNT', String(keysAtOnce))
      const [next, pairs] = reply as readonly [string, readonly string[]]
      for (let at = 0; at < pairs.length; at += 2) found.set(String(pairs[at]), String(pairs[at + 1]))
      cursor = String(next)
    } while (cursor !== '0')
    if (found.size === 0) await this.#host.confirm()
    return Array.from(found, ([id, text]) => ({ id, size: Math.abs(Number(text)), isPending: text.startsWith(pendingMark) }))
  }

  #send(command: string, keys: readonly string[], ...words: readonly RedisWord[]): Promise<RedisReply> {
    return this.#script(commandScript, keys, command, ...words)
  }

  #script(script: RedisScript, keys: readonly string[], ...args: readonly RedisWord[]): Promise<RedisReply> {
    return this.#host.link.script('writing attachments', script, keys, args)
  }

  #read(...command: readonly string[]): Promise<RedisReply> {
    return this.#host.link.read('reading attachments', command)
  }

  #inTurn<T>(names: KeyNames, work: () => Promise<T>): Promise<T> {
    return this.#host.run(() => this.#turns.run(names.blobs, work))
  }

  #namesOf(owner: StoreKey): KeyNames {
    this.#host.check(owner)
    return keyNames(this.#host.prefix, owner)
  }
}
