/** The port to durable storage: documents and append-only logs. */
import type { JsonObject, JsonValue } from '../base/messages.ts'
import type { BlobStore } from './blob-store.ts'
import type { SessionIndex } from './session-index.ts'
import type { StoreKey } from './store-key.ts'

/** A document with the version that guards its next write. Versions start at 1 and grow by 1. */
export interface Versioned<T> {
  readonly value: T
  readonly version: number
}

/** Fencing token of an owner of a log: `epoch`, any safe integer, grows with each grant; `nonce` distinguishes two equal epochs. */
export interface FencingToken {
  readonly epoch: number
  readonly nonce: string
}

/** One line of a log. `seq` starts at 1 and has no gaps. */
export interface LogEntry {
  readonly seq: number
  readonly type: string
  /**
   * Unique in its log. One of the last 64 records that is appended again with the same `seq` and `id` counts as written, while the log holds
   * it: a record that was dropped cannot be compared any more, and is a `log-gap`.
   */
  readonly id: string
  /** Wall time in milliseconds. */
  readonly ts: number
  readonly data: JsonObject
}

/** State up to and including `seq`: who reads it need not read the records before it. */
export interface LogSnapshot {
  readonly seq: number
  readonly state: JsonValue
}

/** What an owner needs of a log in order to go on. */
export interface LogContents {
  /** The newest one. */
  readonly snapshot: LogSnapshot | undefined
  /** The records after the snapshot, in order. */
  readonly records: readonly LogEntry[]
}

/** Options of `AppendLog.snapshot`. */
export interface SnapshotOptions {
  /** Drops the records up to the snapshot for good: no reader gets them again. @default false */
  readonly dropRecords?: boolean
}

/** Options of `Store.readLog`. */
export interface ReadLogOptions {
  /** Number of the first record. @default 1 */
  readonly fromSeq?: number
  /** Maximum records of the page. @default 1000 */
  readonly limit?: number
}

/** A part of a log, in order. */
export interface LogPage {
  /**
   * At least one unless there is none from `fromSeq` on; a page of large records may have fewer than `limit`. The next page begins after the last one.
   */
  readonly records: readonly LogEntry[]
  /** Numbers of the first and of the last record that the log has; the last is 0 in an empty log. */
  readonly firstSeq: number
  readonly lastSeq: number
}

/** Where a record is stored, for the diagnosis of damage. */
export interface EntryLocation {
  /** The file, or another container of records. */
  readonly file: string
  /** Bytes, or whatever the store counts in, before the record. */
  readonly offset: number
}

/**
 * One owner's handle on a log. A call that is refused for its input writes nothing and leaves the handle usable:
 * `invalid-message`, `invalid-option`, `document-too-large` and `log-gap`. So does one that is refused because too much waits: `overloaded`.
 * After any other rejection the handle is broken: every further call rejects with the same code, and only `Store.openLog` gives a new one.
 * Calls after `close` reject `store-stopped`.
 */
export interface AppendLog {
  /**
   * Writes records in order; resolves when all are durable. Rejects `invalid-message` for what is no record, `document-too-large` for
   * data beyond the store's limit, `log-gap` when the first `seq` does not follow the last one that is written when the call's turn
   * comes, or when a seq of the batch is taken by another record or was dropped, `fenced` when a later owner opened the
   * log (`details.epoch` is that owner's epoch, where the store knows it) or it was deleted (without an epoch), `store-full` when there
   * is no room (nothing of the batch counts as written), `overloaded` when too many bytes wait to be written (retryable, with `retryAfterMs`),
   * `store-io` otherwise. Concurrent calls are written in call order; one that is
   * refused is left out, and a call that counted on it is a `log-gap`.
   */
  append(records: readonly LogEntry[]): Promise<void>
  /**
   * Reads the snapshot, and the records that are durable now, from `fromSeq` on where the log still has them. Sees every append that was
   * called before it, and none that was called after it.
   */
  read(fromSeq?: number): Promise<LogContents>
  /**
   * Makes `snapshot` durable: from then on `read` begins after it. The records stay, and `Store.readLog` reads them, unless `dropRecords` is set. A crash
   * leaves the log with this snapshot or the one before it. Rejects as `append` does; `log-gap` for a seq before that of the last snapshot or after the
   * last record.
   */
  snapshot(snapshot: LogSnapshot, options?: SnapshotOptions): Promise<void>
  /** Where the record `seq` is kept, or the snapshot in its place if it was dropped; undefined when there is none. For stores that have such places. */
  locate?(seq: number): Promise<EntryLocation | undefined>
  /** Releases the handle; resolves once the appends under way are done. Idempotent. */
  close(): Promise<void>
}

/** Options of `Store.put`. */
export interface PutOptions {
  /** Write only over this version; 0 means that the document must not exist. Absent: write over anything. */
  readonly expectedVersion?: number
}

/** Options of `Store.list`. */
export interface ListOptions {
  /** Start after this key. */
  readonly after?: StoreKey
  /** @default 1000 */
  readonly limit?: number
}

/**
 * Durable state. Rejects only with BeamClawError. A resolved write survives a crash. `put` with a stale `expectedVersion` rejects
 * `version-conflict` and changes nothing. Opening a log fences every earlier owner. Proven by `storeContract()` in testkit.
 */
export interface Store {
  /**
   * Resolves with what names the data of this store, the same for all processes that share them, and for no others: nodes of a cluster have to be over
   * one store. Absent where the cluster cannot or need not compare it. Rejects as every call does.
   */
  id?(): Promise<string>
  /** Attachments of sessions; the owner of one is the key of the session's log. */
  readonly blobs: BlobStore
  /** What lists of sessions are read from: a cache, which core fills again from the journals. */
  readonly index: SessionIndex
  get(key: StoreKey): Promise<Versioned<JsonValue> | undefined>
  /** Resolves with the new version. */
  put(key: StoreKey, value: JsonValue, options?: PutOptions): Promise<number>
  /** Resolves with true when a document or a log was there. Durable as a write is. The open handles of a deleted log become `fenced`. */
  delete(key: StoreKey, options?: PutOptions): Promise<boolean>
  /** Keys of documents and logs below `prefix`, which is compared part by part, in code-unit order of their parts. */
  list(prefix: StoreKey, options?: ListOptions): Promise<readonly StoreKey[]>
  /**
   * Opens or creates a log and fences every earlier owner. Rejects `fenced` when a higher epoch, or the same one with another nonce, has
   * opened it: always with that epoch in `details.epoch`, whether its handle is open, closed or of another process, so that the caller
   * can ask for one above. Rejects `log-corrupt` when the log cannot be trusted.
   */
  openLog(key: StoreKey, token: FencingToken): Promise<AppendLog>
  /**
   * Reads durable records of a log, beside its owner: fences no handle, waits for no write, and creates nothing. A record is seen once its append has resolved,
   * and not before it is durable. Resolves with undefined when there is no log. Rejects `log-corrupt` for a damaged record of the page.
   */
  readLog(key: StoreKey, options?: ReadLogOptions): Promise<LogPage | undefined>
  /**
   * Deletes a log, and not what else has its key, as its owner: all of it or nothing, also in a crash, and durable as a write is. Resolves with true when
   * there was one. Rejects `fenced`, as `openLog` does, for a token that could not open the log. Its open handles become `fenced`.
   */
  deleteLog(key: StoreKey, token: FencingToken): Promise<boolean>
  /** Resolves once the calls under way are done and everything is released. Later calls reject `store-stopped`. Idempotent. */
  stop(): Promise<void>
}
