/** The options of `FsStore`, their defaults and their rules. */
import type { Clock } from '@beamclaw/core'
import { aBoolean, anObject, anObjectWith, checkOptions, integer, type OptionRule, type OptionRules, oneOf } from '@beamclaw/core/adapter'
import type { FileSystem } from './file-system.ts'

/**
 * When an append is acknowledged: `always` after an fsync, shared by the appends of all logs that wait at the same time (group commit); `batch` after an fsync
 * that waits up to 5 ms for more of them; `os` when the operating system has the bytes, which survive the death of the process but not of the machine.
 */
export type SyncMode = 'always' | 'batch' | 'os'

/** Options of `FsStore`. A value out of its rule throws `invalid-option` in the constructor. */
export interface FsStoreOptions {
  /** The data directory; created when it is missing. */
  readonly path: string
  /** When an append is acknowledged. @default 'always' */
  readonly sync?: SyncMode
  /** Largest document, record or snapshot as UTF-8 JSON, and largest attachment, in bytes. @default 67108864 */
  readonly maxDocumentBytes?: number
  /** Maximum number of files of logs that are open at once. @default 256 */
  readonly maxOpenFiles?: number
  /** Size in bytes after which the write-ahead log goes on in another segment. @default 8388608 */
  readonly walSegmentBytes?: number
  /**
   * Size in bytes of the whole write-ahead log, at least two segments. Above half of it, lines are moved to the files of their logs; at all of it, appends wait for
   * that, and beyond 32 MiB of waiting appends they reject `overloaded`. @default 134217728
   */
  readonly walMaxBytes?: number
  /** Accepts a data directory on NFS or SMB, where locks and syncs are unreliable. @default false */
  readonly allowNetworkFileSystem?: boolean
  /** Milliseconds to wait for another process that owns the data directory, before calls reject `store-locked`. @default 0 */
  readonly lockWaitMs?: number
  /**
   * Milliseconds without a heartbeat after which the lock of a process that cannot be inspected (in another container, or on another
   * machine) counts as stale. The heartbeat interval is a fifth of it. @default 15000
   */
  readonly lockLeaseMs?: number
  /** The operating system calls, replaced by tests that make them fail. @default nodeFileSystem */
  readonly fileSystem?: FileSystem
  /** Times the 5 ms of `batch`, `lockWaitMs`, and moves in the background. @default the machine's clock */
  readonly clock?: Pick<Clock, 'setTimer'>
}

/** Defaults for `FsStoreOptions`. */
export const fsStoreDefaults = {
  sync: 'always',
  maxDocumentBytes: 64 * 1024 * 1024,
  maxOpenFiles: 256,
  walSegmentBytes: 8 * 1024 * 1024,
  walMaxBytes: 128 * 1024 * 1024,
  allowNetworkFileSystem: false,
  lockWaitMs: 0,
  lockLeaseMs: 15_000,
} as const satisfies Required<Omit<FsStoreOptions, 'path' | 'fileSystem' | 'clock'>>

/** The rule of a path. */
export const aPath: OptionRule = (value) =>
  typeof value === 'string' && /^[^\0]+$/.test(value) ? undefined : 'a path of at least one character, without NUL'

const rules: OptionRules<FsStoreOptions> = {
  path: aPath,
  sync: oneOf('always', 'batch', 'os'),
  maxDocumentBytes: integer(1),
  maxOpenFiles: integer(1),
  walSegmentBytes: integer(1),
  walMaxBytes: integer(1),
  allowNetworkFileSystem: aBoolean,
  lockWaitMs: integer(0),
  lockLeaseMs: integer(100),
  fileSystem: anObject,
  clock: anObjectWith('setTimer'),
}

/** Throws `invalid-option` for the first option that is unknown, missing or against its rule. */
export function checkFsStoreOptions(options: FsStoreOptions): void {
  checkOptions<FsStoreOptions>('FsStore', options, rules, ['path'])
}
