/** The rules of the plain store: correct by default, and each flaw of an author is another rule in place of one of them. */
import {
  type AppendLog,
  BeamClawError,
  type BlobId,
  type BlobInfo,
  type FencingToken,
  type JsonValue,
  type Store,
  type StoreKey,
} from '@beamclaw/core'
import {
  blobIdOf,
  checkFencingToken,
  checkSnapshotSeq,
  checkStoreKey,
  compareStoreKeys,
  type EncodedLogEntry,
  encodeJson,
  encodeLogRecords,
  freshLogRecords,
  isBelowStoreKey,
  mayOpenLog,
} from '@beamclaw/core/adapter'
import { correctIndexRules, type IndexRules, type PlainTenant } from './index-rules.ts'

const maxBytes = 64 * 1024 * 1024

/** A handle of the plain store. */
export interface PlainHandle extends AppendLog {
  readonly rules: StoreRules
  /** Breaks the handle for good: also what waits is refused. */
  fence(error: BeamClawError): void
  /** Refuses new calls; what waits goes on. */
  refuse(error: BeamClawError): void
}

export interface PlainEntry {
  readonly key: StoreKey
  document: { kept: unknown; version: number } | undefined
  log: PlainLogState | undefined
}

export interface PlainLogState {
  token: FencingToken
  owner: PlainHandle | undefined
  records: EncodedLogEntry[]
  snapshot: { readonly seq: number; readonly kept: unknown } | undefined
  /** The snapshot that the last compaction replaced. */
  before: Pick<PlainLogState, 'records' | 'snapshot'> | undefined
}

/** The bytes of a blob. */
export type PlainBytes = Uint8Array<ArrayBuffer>

/** What outlives a store: the entries, and those that were deleted. */
export interface PlainDisk {
  readonly indices: Map<string, PlainTenant>
  readonly entries: Map<string, PlainEntry>
  readonly deleted: Map<string, PlainEntry>
  /** By owner. */
  readonly blobs: Map<string, Map<BlobId, PlainBytes>>
}

/** Everything about which authors of stores are mistaken. */
export interface StoreRules {
  readonly index: IndexRules
  readonly checkKey: (key: StoreKey, minNames: 0 | 1) => void
  readonly nameOf: (key: StoreKey) => string
  readonly listedKey: (key: StoreKey) => StoreKey
  readonly isBelow: (key: StoreKey, prefix: StoreKey) => boolean
  readonly compareKeys: (a: StoreKey, b: StoreKey) => number
  readonly isAfter: (key: StoreKey, after: StoreKey, all: readonly StoreKey[]) => boolean
  readonly isListed: (entry: PlainEntry) => boolean
  readonly page: (keys: readonly StoreKey[], limit: number | undefined) => readonly StoreKey[]
  readonly encode: (value: unknown) => unknown
  readonly decode: (kept: unknown) => JsonValue
  readonly checkWhole: (name: string, value: number | undefined, minimum: number) => void
  readonly isExpected: (expected: number, current: number, entry: PlainEntry | undefined) => boolean
  readonly conflict: (current: number) => Error
  readonly nextVersion: (current: number, disk: PlainDisk, name: string) => number
  /** A wait between the check of a version and the write. */
  readonly beforeWrite: () => Promise<void> | undefined
  /** One write of a document at a time, in call order. */
  readonly queue: (before: Promise<unknown>) => Promise<unknown>
  readonly remove: (disk: PlainDisk, name: string, entry: PlainEntry) => void
  readonly mayDelete: (recorded: FencingToken, token: FencingToken) => boolean
  /** Removes the log of an entry, and not its document. */
  readonly removeLog: (disk: PlainDisk, name: string, entry: PlainEntry) => void
  readonly fenceDeleted: (log: PlainHandle) => void
  readonly checkToken: (token: FencingToken) => void
  readonly keptToken: (token: FencingToken) => FencingToken
  readonly mayOpen: (recorded: FencingToken, token: FencingToken) => boolean
  readonly onRefused: (state: PlainLogState) => void
  readonly onOpened: (state: PlainLogState) => void
  readonly fence: (owner: PlainHandle, token: FencingToken) => void
  readonly fenced: (epoch: number | undefined, at: 'open' | 'handle', asked: number) => BeamClawError
  readonly reopen: (disk: PlainDisk) => void
  /** Waits at a stop for the calls that were made before. */
  readonly finish: (underWay: Promise<unknown>) => Promise<unknown>
  readonly isStopped: (method: keyof Store) => boolean

  readonly blobOwner: (owner: StoreKey) => string
  readonly isGenuine: (bytes: PlainBytes, id: BlobId) => Promise<boolean>
  readonly goneBytes: (id: BlobId) => Uint8Array
  readonly listBlobs: (infos: readonly BlobInfo[]) => readonly BlobInfo[]
  readonly isShareable: (ofSource: boolean, ofTarget: boolean) => boolean
  readonly afterShare: (disk: PlainDisk, from: string, ids: readonly BlobId[]) => void
  /** One write of blobs at a time, in call order. */
  readonly blobTurn: <T>(before: Promise<unknown>, work: () => Promise<T>) => Promise<T>
  readonly areBlobsOfLog: boolean
  readonly piecesOf: (bytes: Uint8Array) => readonly Uint8Array[]
  readonly deleteBlobs: (disk: PlainDisk, owner: string) => void

  readonly encodeRecords: (records: Parameters<AppendLog['append']>[0]) => EncodedLogEntry[]
  readonly fresh: (batch: readonly EncodedLogEntry[], state: PlainLogState, lastSeq: number) => readonly EncodedLogEntry[]
  readonly addRecords: (state: PlainLogState, fresh: readonly EncodedLogEntry[]) => void
  /** Makes a write durable, then applies it. */
  readonly write: (apply: () => void) => Promise<void>
  readonly logQueue: (before: Promise<unknown>, method: 'append' | 'read' | 'snapshot' | 'locate') => Promise<unknown>
  readonly isBroken: (method: 'append' | 'read' | 'snapshot' | 'locate', error: BeamClawError) => boolean
  /** True when a call that waits for its turn is refused, for its handle broke meanwhile. */
  readonly isLate: (error: BeamClawError) => boolean
  readonly breaks: (error: BeamClawError) => boolean
  readonly isRead: (seq: number, fromSeq: number, index: number) => boolean
  readonly checkSnapshot: (seq: unknown, oldest: number, newest: number) => void
  readonly isReplaced: (seq: number, snapshotSeq: number) => boolean
  readonly isDropped: (seq: number, snapshotSeq: number, dropRecords: boolean) => boolean
  readonly pageOf: (records: readonly EncodedLogEntry[], fromSeq: number, limit: number) => readonly EncodedLogEntry[]
  readonly lastSeq: (state: PlainLogState) => number
  /** Waits at a close for the calls that were made before. */
  readonly drain: (underWay: Promise<unknown>) => Promise<unknown>
  readonly onClosed: (state: PlainLogState, log: PlainHandle) => void
}

export function refusal(
  code: 'fenced' | 'store-stopped' | 'invalid-option' | 'version-conflict',
  text: string,
  epoch?: number,
): BeamClawError {
  return new BeamClawError(code, text, { details: { epoch } })
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export const correctRules: StoreRules = {
  index: correctIndexRules,
  checkKey: checkStoreKey,
  nameOf: (key) => JSON.stringify(key),
  listedKey: (key) => [...key],
  isBelow: isBelowStoreKey,
  compareKeys: compareStoreKeys,
  isAfter: (key, after) => compareStoreKeys(key, after) > 0,
  isListed: ({ document, log }) => document !== undefined || log !== undefined,
  page: (keys, limit = 1_000) => keys.slice(0, limit),
  encode: (value) => encodeJson(value, maxBytes),
  decode: (kept) => JSON.parse(kept as string) as JsonValue,
  checkWhole: (name, value, minimum) => {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= minimum)) throw refusal('invalid-option', `bad ${name}`)
  },
  isExpected: (expected, current) => expected === current,
  conflict: (current) => refusal('version-conflict', `version ${current}`),
  nextVersion: (current) => current + 1,
  beforeWrite: () => undefined,
  queue: (before) => before.then(turn),
  remove: ({ entries }, name) => void entries.delete(name),
  mayDelete: mayOpenLog,
  removeLog: ({ entries }, name, entry) => {
    entry.log = undefined
    if (entry.document === undefined) entries.delete(name)
  },
  fenceDeleted: (log) => log.fence(refusal('fenced', 'deleted')),
  checkToken: checkFencingToken,
  keptToken: ({ epoch, nonce }) => ({ epoch, nonce }),
  mayOpen: mayOpenLog,
  onRefused: () => {},
  onOpened: () => {},
  fence: (owner, { epoch }) => owner.fence(owner.rules.fenced(epoch, 'handle', epoch)),
  fenced: (epoch) => refusal('fenced', 'a later owner', epoch),
  reopen: () => {},
  finish: (underWay) => underWay,
  isStopped: () => true,
  blobOwner: (owner) => JSON.stringify(owner),
  isGenuine: async (bytes, id) => (await blobIdOf(bytes)) === id,
  goneBytes: (id) => {
    throw new BeamClawError('log-corrupt', `The blob ${id} was deleted`)
  },
  listBlobs: (infos) => infos,
  isShareable: (ofSource, ofTarget) => ofSource || ofTarget,
  afterShare: () => {},
  blobTurn: (before, work) => before.then(work),
  areBlobsOfLog: false,
  piecesOf: (bytes) => [bytes.slice(0, 100), bytes.slice(100)],
  deleteBlobs: ({ blobs }, owner) => void blobs.delete(owner),
  encodeRecords: (records) => encodeLogRecords(records, maxBytes),
  fresh: (batch, { records }, lastSeq) => {
    const idOf = (seq: number): string | undefined => records.find((record) => record.seq === seq)?.id
    return freshLogRecords(batch, idOf, lastSeq)
  },
  addRecords: (state, fresh) => {
    state.records = [...state.records, ...fresh]
  },
  write: async (apply) => {
    await turn()
    apply()
  },
  logQueue: (before) => before,
  isBroken: () => true,
  isLate: ({ code }) => code === 'fenced',
  breaks: ({ code }) => code === 'fenced',
  isRead: (seq, fromSeq) => seq >= fromSeq,
  checkSnapshot: checkSnapshotSeq,
  isReplaced: (seq, snapshotSeq) => seq <= snapshotSeq,
  isDropped: (seq, snapshotSeq, dropRecords) => dropRecords && seq <= snapshotSeq,
  pageOf: (records, fromSeq, limit) => records.filter(({ seq }) => seq >= fromSeq).slice(0, limit),
  lastSeq: ({ records, snapshot }) => records.at(-1)?.seq ?? snapshot?.seq ?? 0,
  drain: (underWay) => underWay,
  onClosed: (state, log) => {
    if (state.owner === log) state.owner = undefined
  },
}

export function newDisk(): PlainDisk {
  return { entries: new Map(), deleted: new Map(), indices: new Map(), blobs: new Map() }
}
