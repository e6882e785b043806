/** The port to what outlives the process: documents and logs, and nothing else. */
import type { TenantId } from '../ids.ts'
import type { JsonObject, JsonValue } from '../messages.ts'

/**
 * Where something is kept: the tenant, then 1 to 8 names of 1 to 512 characters. Any character is allowed in a name; the adapter encodes.
 * Two keys are the same when all their parts are.
 */
export type StoreKey = readonly [tenant: TenantId, ...names: string[]]

/** A document with the version that guards its next write. Versions start at 1 and grow by 1. */
export interface Versioned<T> {
  readonly value: T
  readonly version: number
}

/** Tells owners of a log apart: `epoch` grows with each grant, `nonce` tells two equal epochs apart. */
export interface FencingToken {
  readonly epoch: number
  readonly nonce: string
}

/** One line of a log. `seq` starts at 1 and has no gaps. */
export interface LogRecord {
  readonly seq: number
  readonly type: string
  /** Unique in its log: one of the last 64 records that is appended again with the same `seq` and `id` counts as written. */
  readonly id: string
  /** Wall time in milliseconds. */
  readonly ts: number
  readonly data: JsonObject
}

/** State up to and including `seq`, which replaces the records before it. */
export interface LogSnapshot {
  readonly seq: number
  readonly state: JsonValue
}

/** What a log held when it was opened. */
export interface LogContent {
  readonly snapshot: LogSnapshot | undefined
  /** The records after the snapshot, in order. */
  readonly records: readonly LogRecord[]
}

/** Where a record is kept, for people who look into damage. */
export interface LogPlace {
  /** A file, or what the store keeps records in. */
  readonly file: string
  /** Bytes, or whatever the store counts in, before the record. */
  readonly offset: number
}

/**
 * One owner's handle on a log. What is refused for what it is leaves the handle as it was, and nothing of it was written:
 * `invalid-message`, `invalid-option`, `document-too-large` and `log-gap`. After any other rejection the handle is broken: every further
 * call rejects with the same code, and only `Store.openLog` gives a new one. Calls after `close` reject `store-stopped`.
 */
export interface Log {
  /**
   * Writes records in order; resolves when all are durable. Rejects `invalid-message` for what is no record, `document-too-large` for
   * data beyond the store's limit, `log-gap` when the first `seq` does not follow the last one that is written when the call's turn
   * comes, `fenced` when a later owner opened the log, `store-full` when there is no room (nothing of the batch counts as written),
   * `store-io` otherwise. Concurrent calls are written in call order; one that is refused is left out, and a call that counted on it is
   * a `log-gap`.
   */
  append(records: readonly LogRecord[]): Promise<void>
  /** Reads snapshot and records that are durable now, from `fromSeq` on where the log still has them. */
  read(fromSeq?: number): Promise<LogContent>
  /**
   * Makes `snapshot` durable, then drops the records it replaces. A crash in between leaves either state. Rejects as `append` does;
   * `log-gap` for a seq before that of the last snapshot or after the last record.
   */
  compact(snapshot: LogSnapshot): Promise<void>
  /** Where the record `seq` is kept, or the snapshot that replaced it; undefined when there is none. For stores that have such places. */
  locate?(seq: number): Promise<LogPlace | undefined>
  /** Releases the handle; appends under way finish first. Idempotent. */
  close(): Promise<void>
}

export interface PutOptions {
  /** Write only over this version; 0 means that the document must not exist. Absent: write over anything. */
  readonly expectedVersion?: number
}

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
  get(key: StoreKey): Promise<Versioned<JsonValue> | undefined>
  /** Resolves with the new version. */
  put(key: StoreKey, value: JsonValue, options?: PutOptions): Promise<number>
  /** True when a document or a log was there. The open handles of a deleted log become `fenced`. */
  delete(key: StoreKey, options?: PutOptions): Promise<boolean>
  /** Keys of documents and logs below `prefix`, in code-unit order of their parts. */
  list(prefix: StoreKey, options?: ListOptions): Promise<readonly StoreKey[]>
  /**
   * Opens or creates a log and fences every earlier owner. Rejects `fenced`, with that epoch in `details.epoch`, when a higher epoch has
   * opened it, and `log-corrupt` when it cannot be trusted.
   */
  openLog(key: StoreKey, token: FencingToken): Promise<Log>
  /** Finishes what is under way and releases everything. Later calls reject `store-stopped`. Idempotent. */
  stop(): Promise<void>
}
