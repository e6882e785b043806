/** Calls of a store on their way from one worker to the shard of another: their form, and how the owner carries them out. */
import {
  type AppendLog,
  BeamClawError,
  type FencingToken,
  type JsonObject,
  type JsonValue,
  type ListOptions,
  type LogEntry,
  type LogSnapshot,
  type NodeRef,
  type PutOptions,
  type ReadLogOptions,
  type SessionIndexEntry,
  type SessionIndexQuery,
  type SessionKey,
  type SnapshotOptions,
  type Store,
  type StoreKey,
  type TenantId,
} from '@beamclaw/core'
import { wholeBlob } from './whole-blob.ts'

/** A call of a method of one shard. What comes back is JSON: absent results are `{}`, and others `{ value }`. */
export interface ShardCall {
  readonly type: 'worker.store'
  readonly shard: number
  readonly method: string
  readonly args: readonly JsonValue[]
}

/** Returns a call as JSON; its arguments are those of now, whatever the caller does with their keys and options later. */
export function shardCall(shard: number, method: string, args: readonly unknown[]): JsonObject {
  const call: ShardCall = { type: 'worker.store', shard, method, args: args.map(copyOf) }
  return call as unknown as JsonObject
}

function copyOf(arg: unknown): JsonValue {
  if (arg === undefined) return null
  if (Array.isArray(arg)) return [...(arg as JsonValue[])]
  return (typeof arg === 'object' ? { ...arg } : arg) as JsonValue
}

interface OpenHandle {
  readonly shard: number
  readonly log: AppendLog
  readonly incarnation: string
}

/** Handles of shards that have left which are remembered: asked again, their holders open them where the shard is. */
const mostDeparted = 10_000

type Method = (store: Store, args: readonly unknown[], from: NodeRef, shard: number) => Promise<unknown>

/** Carries out what other workers ask of the shards of this one. Owns the handles of logs that it has opened for them. */
export class ShardServer {
  readonly #storeOf: (shard: number) => Store | undefined
  readonly #handles = new Map<number, OpenHandle>()
  readonly #departed = new Set<number>()
  #lastHandle = 0

  /** `storeOf` returns the store of a shard that this worker has. */
  constructor(storeOf: (shard: number) => Store | undefined) {
    this.#storeOf = storeOf
  }

  /** Resolves with the result. Rejects `moved` when this worker does not have the shard, and `unknown-message` for what is no call. */
  async carryOut(body: JsonValue, from: NodeRef): Promise<JsonValue> {
    const { type, shard, method, args } = (typeof body === 'object' && body !== null ? body : {}) as Partial<ShardCall>
    const carriedOut = typeof method === 'string' && Object.hasOwn(this.#methods, method) ? this.#methods[method] : undefined
    if (type !== 'worker.store' || typeof shard !== 'number' || !Array.isArray(args) || carriedOut === undefined)
      throw new BeamClawError('unknown-message', 'Another worker sent a call of the store that this one cannot read')
    const store = this.#storeOf(shard)
    if (store === undefined) throw new BeamClawError('moved', `This worker does not have shard ${shard}`)
    const value = await carriedOut(
      store,
      args.map((arg: JsonValue) => arg ?? undefined),
      from,
      shard,
    )
    return value === undefined ? {} : { value: value as JsonValue }
  }

  /** Closes the handles of workers that have ended. */
  forget(incarnations: readonly string[]): void {
    for (const [id, { log, incarnation }] of this.#handles) {
      if (!incarnations.includes(incarnation)) continue
      this.#handles.delete(id)
      log.close().catch(() => {})
    }
  }

  /** Forgets the handles of a shard that leaves this worker: the logs are closed with its store. */
  leave(shard: number): void {
    for (const [id, handle] of this.#handles) if (handle.shard === shard) this.#depart(id)
  }

  #depart(id: number): void {
    this.#handles.delete(id)
    this.#departed.add(id)
    if (this.#departed.size > mostDeparted) for (const oldest of this.#departed) return void this.#departed.delete(oldest)
  }

  readonly #methods: Readonly<Record<string, Method>> = {
    get: (store, [key]) => store.get(key as StoreKey),
    put: (store, [key, text, options]) => store.put(key as StoreKey, JSON.parse(text as string), options as PutOptions | undefined),
    delete: (store, [key, options]) => store.delete(key as StoreKey, options as PutOptions | undefined),
    list: (store, [prefix, options]) => store.list(prefix as StoreKey, options as ListOptions | undefined),
    readLog: (store, [key, options]) => store.readLog(key as StoreKey, options as ReadLogOptions | undefined),
    deleteLog: (store, [key, token]) => store.deleteLog(key as StoreKey, token as FencingToken),
    openLog: async (store, [key, token], { incarnation }, shard) => {
      const log = await store.openLog(key as StoreKey, token as FencingToken)
      const id = ++this.#lastHandle
      this.#handles.set(id, { shard, log, incarnation })
      if (this.#storeOf(shard) !== store) this.#depart(id)
      return id
    },
    'log.append': (_, [handle, text], from) => this.#log(handle, from).append(JSON.parse(text as string) as LogEntry[]),
    'log.read': (_, [handle, fromSeq], from) => this.#log(handle, from).read(fromSeq as number | undefined),
    'log.snapshot': (_, [handle, text, options], from) =>
      this.#log(handle, from).snapshot(JSON.parse(text as string) as LogSnapshot, options as SnapshotOptions | undefined),
    'log.close': async (_, [handle], from) => {
      const log = this.#log(handle, from)
      this.#handles.delete(handle as number)
      await log.close()
    },
    'blobs.put': ({ blobs }, [owner, text]) => blobs.put(owner as StoreKey, Buffer.from(text as string, 'base64')),
    'blobs.size': async ({ blobs }, [owner, id]) => (await blobs.read(owner as StoreKey, id as string))?.size,
    'blobs.bytes': async ({ blobs }, [owner, id]) => {
      const blob = await blobs.read(owner as StoreKey, id as string)
      return blob === undefined ? undefined : (await wholeBlob(blob.bytes)).toString('base64')
    },
    'blobs.list': ({ blobs }, [owner]) => blobs.list(owner as StoreKey),
    'blobs.share': ({ blobs }, [from, to, ids]) => blobs.share(from as StoreKey, to as StoreKey, ids as string[]),
    'blobs.deleteAll': ({ blobs }, [owner]) => blobs.deleteAll(owner as StoreKey),
    'index.put': ({ index }, [tenant, entries]) => index.put(tenant as TenantId, entries as unknown as SessionIndexEntry[]),
    'index.delete': ({ index }, [tenant, keys]) => index.delete(tenant as TenantId, keys as SessionKey[]),
    'index.get': ({ index }, [tenant, keys]) => index.get(tenant as TenantId, keys as SessionKey[]),
    'index.page': ({ index }, [tenant, query]) => index.page(tenant as TenantId, query as SessionIndexQuery),
    'index.status': ({ index }, [tenant]) => index.status(tenant as TenantId),
    'index.complete': ({ index }, [tenant]) => index.complete(tenant as TenantId),
    'index.clear': ({ index }, [tenant]) => index.clear(tenant as TenantId),
  }

  #log(handle: unknown, { incarnation }: NodeRef): AppendLog {
    const open = this.#handles.get(handle as number)
    if (open?.incarnation === incarnation) return open.log
    if (this.#departed.has(handle as number)) throw new BeamClawError('moved', 'The shard of this log was at another worker meanwhile')
    throw new BeamClawError('store-stopped', 'The handle of this log is closed')
  }
}
