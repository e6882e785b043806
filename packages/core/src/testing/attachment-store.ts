/** A store in memory whose blobs can be watched, held, spoiled and refused. */
import { wrapLog } from '../adapter/wrap-log.ts'
import { wrapStore } from '../adapter/wrap-store.ts'
import type { BeamClawError } from '../base/errors.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { BlobStore, StoredBlob } from '../ports/blob-store.ts'
import type { LogEntry, LogSnapshot, Store } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'

export type BlobCall = keyof BlobStore

export class AttachmentStore {
  readonly memory = new MemoryStore()
  /** Calls for blobs and appends, in the order in which they took effect: `blobs.put`, `message-in`. */
  readonly done: string[] = []
  readonly records: LogEntry[] = []
  readonly snapshots: LogSnapshot[] = []
  /** Called before each call for blobs; may wait or throw. */
  before: (call: BlobCall, owner: StoreKey) => Promise<void> | void = () => {}
  /** Called before the deletion of a log takes effect, and after it. */
  around: { readonly before?: () => Promise<void> | void; readonly after?: () => Promise<void> | void } = {}
  /** Awaited before the notes of deletions are listed. */
  sweep: Promise<void> | undefined
  /** Changes what is read. */
  spoil: (blob: StoredBlob | undefined) => StoredBlob | undefined = (blob) => blob
  readonly store: Store

  constructor() {
    const { memory } = this
    const made = async <T>(call: BlobCall, owner: StoreKey, work: () => Promise<T>): Promise<T> => {
      await this.before(call, owner)
      const result = await work()
      this.done.push(`blobs.${call}`)
      return result
    }
    this.store = wrapStore(memory, {
      // The memory outlives the BeamClaw over it.
      stop: async () => {},
      openLog: async (key, token) => {
        const log = await memory.openLog(key, token)
        if (key[1] !== 'sessions') return log
        return wrapLog(log, {
          append: async (records) => {
            await log.append(records)
            this.done.push(...records.map(({ type }) => type))
            this.records.push(...structuredClone(records))
          },
          snapshot: async (snapshot, options) => {
            await log.snapshot(snapshot, options)
            this.snapshots.push(snapshot)
          },
        })
      },
      list: async (prefix, options) => {
        if (prefix[1] === 'deletions') await this.sweep
        return memory.list(prefix, options)
      },
      deleteLog: async (key, token) => {
        if (key[1] === 'sessions') await this.around.before?.()
        const wasThere = await memory.deleteLog(key, token)
        if (key[1] === 'sessions') await this.around.after?.()
        return wasThere
      },
      blobs: {
        put: (owner, bytes) => made('put', owner, () => memory.blobs.put(owner, bytes)),
        read: (owner, id) => made('read', owner, async () => this.spoil(await memory.blobs.read(owner, id))),
        list: (owner) => made('list', owner, () => memory.blobs.list(owner)),
        share: (from, to, ids) => made('share', to, () => memory.blobs.share(from, to, ids)),
        deleteAll: (owner) => made('deleteAll', owner, () => memory.blobs.deleteAll(owner)),
      },
    })
  }

  /** Lets the next call of the method fail, and only that. */
  failOnce(call: BlobCall, error: BeamClawError): void {
    this.before = (made) => {
      if (made !== call) return
      this.before = () => {}
      throw error
    }
  }
}

/** Returns deterministic bytes. */
export function someBytes(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => Math.imul(index + 1, seed * 2_654_435_761) >>> 13)
}
