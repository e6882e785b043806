/** The blobs of the example store, in a table of SQLite. */
import type { DatabaseSync } from 'node:sqlite'
import { BeamClawError, type BlobId, type BlobInfo, type BlobStore, type StoredBlob, type StoreKey } from '@beamclaw/core'
import { blobBytes, blobIdOf, checkBlobId } from '@beamclaw/core/adapter'

const maxBytes = 64 * 1024 * 1024

export class SqliteBlobs implements BlobStore {
  readonly #database: DatabaseSync
  readonly #check: (owner: StoreKey) => void
  #turn: Promise<unknown> = Promise.resolve()

  /** `check` throws for a key that is none, and after the stop. */
  constructor(database: DatabaseSync, check: (owner: StoreKey) => void) {
    this.#database = database
    this.#check = check
  }

  async put(owner: StoreKey, bytes: Uint8Array): Promise<BlobId> {
    this.#check(owner)
    const name = nameOf(owner)
    const copy = blobBytes(bytes, maxBytes)
    return this.#inTurn(async () => {
      const id = await blobIdOf(copy)
      this.#run('INSERT INTO blobs VALUES (?, ?, ?) ON CONFLICT DO NOTHING', name, id, copy)
      return id
    })
  }

  async read(owner: StoreKey, id: BlobId): Promise<StoredBlob | undefined> {
    this.#check(owner)
    checkBlobId(id)
    const name = nameOf(owner)
    const row = this.#database.prepare('SELECT length(bytes) AS size FROM blobs WHERE owner = ? AND id = ?').get(name, id)
    if (row === undefined) return undefined
    const pieces = (): AsyncGenerator<Uint8Array> => this.#pieces(owner, name, id)
    return { id, size: Number(row.size), bytes: { [Symbol.asyncIterator]: pieces } }
  }

  async list(owner: StoreKey): Promise<readonly BlobInfo[]> {
    this.#check(owner)
    const rows = this.#database.prepare('SELECT id, length(bytes) AS size FROM blobs WHERE owner = ? ORDER BY id').all(nameOf(owner))
    return rows.map(({ id, size }) => ({ id: String(id), size: Number(size) }))
  }

  async share(from: StoreKey, to: StoreKey, ids: readonly BlobId[]): Promise<readonly BlobId[]> {
    for (const key of [from, to]) this.#check(key)
    for (const id of ids) checkBlobId(id)
    const [source, target] = [nameOf(from), nameOf(to)]
    const distinct = [...new Set(ids)]
    return this.#inTurn(async () => {
      const sql = 'INSERT INTO blobs SELECT ?, id, bytes FROM blobs WHERE owner = ? AND id = ? ON CONFLICT DO NOTHING'
      for (const id of distinct) this.#run(sql, target, source, id)
      const has = this.#database.prepare('SELECT 1 FROM blobs WHERE owner = ? AND id = ?')
      return distinct.filter((id) => has.get(target, id) !== undefined)
    })
  }

  async deleteAll(owner: StoreKey): Promise<void> {
    this.#check(owner)
    const name = nameOf(owner)
    await this.#inTurn(async () => this.#run('DELETE FROM blobs WHERE owner = ?', name))
  }

  /** SQLite gives a value as a whole: one piece. */
  async *#pieces(owner: StoreKey, name: string, id: BlobId): AsyncGenerator<Uint8Array> {
    this.#check(owner)
    const row = this.#database.prepare('SELECT bytes FROM blobs WHERE owner = ? AND id = ?').get(name, id)
    const bytes = new Uint8Array((row?.bytes as Uint8Array | undefined) ?? [])
    if (row === undefined || (await blobIdOf(bytes)) !== id) throw new BeamClawError('log-corrupt', `The blob ${id} is damaged or gone`)
    yield bytes
  }

  #run(sql: string, ...values: (string | Uint8Array)[]): void {
    try {
      this.#database.prepare(sql).run(...values)
    } catch (error) {
      throw new BeamClawError('store-io', 'The database failed', { cause: error })
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {})
    return result
  }
}

function nameOf(owner: StoreKey): string {
  return JSON.stringify(owner)
}
