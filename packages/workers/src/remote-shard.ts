/** A shard of another worker, as a store. */
import type {
  AppendLog,
  BlobId,
  BlobInfo,
  BlobStore,
  ErrorCode,
  FencingToken,
  JsonValue,
  ListOptions,
  LogContents,
  LogEntry,
  LogPage,
  LogSnapshot,
  NodeRef,
  PutOptions,
  ReadLogOptions,
  SessionIndex,
  SessionIndexEntry,
  SessionIndexQuery,
  SessionIndexStatus,
  SessionKey,
  SnapshotOptions,
  Store,
  StoredBlob,
  StoreKey,
  TenantId,
  Versioned,
} from '@beamclaw/core'
import { BeamClawError } from '@beamclaw/core'
import {
  aBoolean,
  anArray,
  blobBytes,
  checkBlobId,
  checkFencingToken,
  checkOptions,
  encodeJson,
  encodeLogRecords,
  integer,
  readLogOptions,
} from '@beamclaw/core/adapter'
import { hasCode } from './error-codes.ts'
import type { ShardCaller } from './shard-caller.ts'

/** Bytes of a piece of an attachment. */
const pieceBytes = 256 * 1024

/** Refusals after which a handle goes on. */
const harmless: ReadonlySet<ErrorCode> = new Set(['invalid-message', 'invalid-option', 'document-too-large', 'log-gap', 'overloaded'])

export interface RemoteShardOptions {
  readonly shard: number
  readonly caller: ShardCaller
  readonly maxBytes: number
  /** Throws `store-stopped` once the store of this worker has stopped. */
  readonly checkOpen: () => void
}

/** Checks the input before it is sent: what JSON drops or changes is to be refused as the store itself would. */
export class RemoteShard implements Store {
  readonly blobs: BlobStore
  readonly index: SessionIndex
  readonly #options: RemoteShardOptions

  constructor(options: RemoteShardOptions) {
    this.#options = options
    this.blobs = new RemoteBlobs(this, options)
    this.index = new RemoteIndex(this)
  }

  async get(key: StoreKey): Promise<Versioned<JsonValue> | undefined> {
    return await this.read('get', key)
  }

  async put(key: StoreKey, value: JsonValue, options: PutOptions = {}): Promise<number> {
    checkOptions<PutOptions>('Store.put', options, { expectedVersion: integer(0) })
    return await this.write('put', key, encodeJson(value, this.#options.maxBytes), options)
  }

  async delete(key: StoreKey, options: PutOptions = {}): Promise<boolean> {
    checkOptions<PutOptions>('Store.delete', options, { expectedVersion: integer(0) })
    return await this.write('delete', key, options)
  }

  async list(prefix: StoreKey, options: ListOptions = {}): Promise<readonly StoreKey[]> {
    checkOptions<ListOptions>('Store.list', options, { after: anArray, limit: integer(1) })
    return await this.read('list', prefix, options)
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    checkFencingToken(token)
    const { epoch, nonce } = token
    const { shard, caller } = this.#options
    const place = [...key]
    // The same token opens a log twice.
    const open = async (): Promise<OpenedLog> => {
      const { value, by } = await caller.call(shard, 'openLog', [place, { epoch, nonce }], true)
      return { owner: by, handle: value as number }
    }
    return new RemoteLog(this.#options, await open(), open)
  }

  async readLog(key: StoreKey, options: ReadLogOptions = {}): Promise<LogPage | undefined> {
    return await this.read('readLog', key, readLogOptions(options))
  }

  async deleteLog(key: StoreKey, token: FencingToken): Promise<boolean> {
    checkFencingToken(token)
    const { epoch, nonce } = token
    return await this.write('deleteLog', key, { epoch, nonce })
  }

  async stop(): Promise<void> {}

  /** Asks again when it is unknown what became of the call. */
  async read<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    const { shard, caller } = this.#options
    return (await caller.call(shard, method, args, true)).value as T
  }

  async write<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    const { shard, caller } = this.#options
    return (await caller.call(shard, method, args, false)).value as T
  }
}

/** A log that is open at another worker. */
interface OpenedLog {
  readonly owner: NodeRef
  readonly handle: number
}

/** Times in a row that a log is opened again because its shard has moved once more. */
const mostMoves = 16

/**
 * A handle that another worker holds. Phases: `open → broken | closed`; once broken, every call rejects with the first error. When its shard has moved from one
 * worker that runs to another, it is opened there with the same token, and goes on: it is certain then that the call was not carried out.
 */
class RemoteLog implements AppendLog {
  readonly #options: RemoteShardOptions
  readonly #open: () => Promise<OpenedLog>
  #at: Promise<OpenedLog>
  #broken: unknown
  #closing: Promise<void> | undefined

  constructor(options: RemoteShardOptions, opened: OpenedLog, open: () => Promise<OpenedLog>) {
    this.#options = options
    this.#at = Promise.resolve(opened)
    this.#open = open
  }

  async append(records: readonly LogEntry[]): Promise<void> {
    this.#check()
    encodeLogRecords(records, this.#options.maxBytes)
    await this.#call('log.append', encodeJson(records, Number.MAX_SAFE_INTEGER))
  }

  async read(fromSeq?: number): Promise<LogContents> {
    this.#check()
    checkOptions<{ readonly fromSeq?: number | undefined }>('AppendLog.read', { fromSeq }, { fromSeq: integer(0) })
    const { snapshot, records } = (await this.#call('log.read', fromSeq)) as unknown as LogContents
    return { snapshot, records }
  }

  async snapshot({ seq, state }: LogSnapshot, options: SnapshotOptions = {}): Promise<void> {
    this.#check()
    checkOptions<SnapshotOptions>('AppendLog.snapshot', options, { dropRecords: aBoolean })
    encodeJson(state, this.#options.maxBytes)
    await this.#call('log.snapshot', encodeJson({ seq, state }, Number.MAX_SAFE_INTEGER), options)
  }

  close(): Promise<void> {
    // A handle that was lost with its worker is closed already.
    this.#closing ??= this.#call('log.close').then(
      () => {},
      () => {},
    )
    return this.#closing
  }

  #check(): void {
    this.#options.checkOpen()
    if (this.#broken !== undefined) throw this.#broken
    if (this.#closing !== undefined) throw new BeamClawError('store-stopped', 'The call was rejected: the log is closed')
  }

  async #call(method: string, ...args: readonly unknown[]): Promise<JsonValue | undefined> {
    try {
      for (let moves = 0; ; moves++) {
        const at = this.#at
        try {
          return await this.#callAt(await at, method, args)
        } catch (error) {
          if (!isMoved(error) || moves >= mostMoves || method === 'log.close') throw error
          // The first of several calls opens it anew for all of them.
          if (this.#at === at) this.#at = this.#open()
        }
      }
    } catch (error) {
      if (!hasCode(error, harmless)) this.#broken ??= error
      throw error
    }
  }

  async #callAt({ owner, handle }: OpenedLog, method: string, args: readonly unknown[]): Promise<JsonValue | undefined> {
    const { caller, shard } = this.#options
    return await caller.callAt(owner, shard, method, [handle, ...args])
  }
}

function isMoved(error: unknown): boolean {
  return BeamClawError.isInstance(error, 'store-io') && BeamClawError.isInstance(error.cause, 'moved')
}

class RemoteBlobs implements BlobStore {
  readonly #shard: RemoteShard
  readonly #options: RemoteShardOptions

  constructor(shard: RemoteShard, options: RemoteShardOptions) {
    this.#shard = shard
    this.#options = options
  }

  async put(owner: StoreKey, bytes: Uint8Array): Promise<BlobId> {
    const { buffer, byteOffset, byteLength } = blobBytes(bytes, this.#options.maxBytes)
    // Bytes have their content for a name: to put them twice is to put them once.
    return await this.#shard.read('blobs.put', owner, Buffer.from(buffer, byteOffset, byteLength).toString('base64'))
  }

  async read(owner: StoreKey, id: BlobId): Promise<StoredBlob | undefined> {
    checkBlobId(id)
    const size = await this.#shard.read<number | undefined>('blobs.size', owner, id)
    if (size === undefined) return undefined
    const [shard, { checkOpen }, key] = [this.#shard, this.#options, [...owner]]
    async function* pieces(): AsyncGenerator<Uint8Array> {
      checkOpen()
      const text = await shard.read<string | undefined>('blobs.bytes', key, id)
      if (text === undefined) throw new BeamClawError('log-corrupt', `The attachment ${id} was deleted while it was read`)
      const bytes = Buffer.from(text, 'base64')
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        checkOpen()
        yield new Uint8Array(bytes.subarray(at, at + pieceBytes))
      }
    }
    return { id, size, bytes: { [Symbol.asyncIterator]: pieces } }
  }

  async list(owner: StoreKey): Promise<readonly BlobInfo[]> {
    return await this.#shard.read('blobs.list', owner)
  }

  async share(from: StoreKey, to: StoreKey, ids: readonly BlobId[]): Promise<readonly BlobId[]> {
    for (const id of ids) checkBlobId(id)
    return await this.#shard.read('blobs.share', from, to, ids)
  }

  async deleteAll(owner: StoreKey): Promise<void> {
    await this.#shard.write('blobs.deleteAll', owner)
  }
}

/** Its input was checked by `ShardedIndex`. Every call of an index may be repeated. */
class RemoteIndex implements SessionIndex {
  readonly #shard: RemoteShard

  constructor(shard: RemoteShard) {
    this.#shard = shard
  }

  async put(tenant: TenantId, entries: readonly SessionIndexEntry[]): Promise<void> {
    await this.#shard.read('index.put', tenant, entries)
  }

  async delete(tenant: TenantId, keys: readonly SessionKey[]): Promise<void> {
    await this.#shard.read('index.delete', tenant, keys)
  }

  async get(tenant: TenantId, keys: readonly SessionKey[]): Promise<readonly SessionIndexEntry[]> {
    return await this.#shard.read('index.get', tenant, keys)
  }

  async page(tenant: TenantId, query: SessionIndexQuery): Promise<readonly SessionIndexEntry[]> {
    return await this.#shard.read('index.page', tenant, query)
  }

  async status(tenant: TenantId): Promise<SessionIndexStatus> {
    return await this.#shard.read('index.status', tenant)
  }

  async complete(tenant: TenantId): Promise<void> {
    await this.#shard.read('index.complete', tenant)
  }

  async clear(tenant: TenantId): Promise<void> {
    await this.#shard.read('index.clear', tenant)
  }
}
