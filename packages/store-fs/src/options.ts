/** Options of `FsStore`. */
import type { Clock } from '@beamclaw/core'
import { aBoolean, anObject, anObjectWith, checkOptions, integer, type OptionRule, type OptionRules, oneOf } from '@beamclaw/core/adapter'
import type { FileSystem } from './file-system.ts'

/**
 * When an append is acknowledged: `always` after its own sync, `batch` after a sync that waits up to 5 ms for company, `os` when the
 * operating system has it, which survives the death of the process and not that of the machine.
 */
export type SyncMode = 'always' | 'batch' | 'os'

export interface FsStoreOptions {
  /** The data directory; made when it is missing. */
  readonly path: string
  /** @default 'always' */
  readonly sync?: SyncMode
  /** Largest document, record or snapshot as UTF-8 JSON, in bytes. @default 67108864 */
  readonly maxDocumentBytes?: number
  /** Segment files that stay open at most. @default 256 */
  readonly maxOpenFiles?: number
  /** Accept a data directory on NFS or SMB, where neither locks nor syncs can be relied on. @default false */
  readonly allowNetworkFileSystem?: boolean
  /** Milliseconds to wait for another process that owns the data directory; then calls reject `store-locked`. @default 0 */
  readonly lockWaitMs?: number
  /**
   * Milliseconds without a heartbeat after which the lock of a process that cannot be looked at (in another container, or on another
   * machine) counts as left behind. The heartbeat comes five times as often. @default 15000
   */
  readonly lockLeaseMs?: number
  /** The calls to the operating system, for tests that make them fail. @default the real ones */
  readonly fileSystem?: FileSystem
  /** Times the 5 ms of `batch`, and `lockWaitMs`. @default the machine's */
  readonly clock?: Pick<Clock, 'setTimer'>
}

/** Defaults for `FsStoreOptions`. */
export const fsStoreDefaults = {
  sync: 'always',
  maxDocumentBytes: 64 * 1024 * 1024,
  maxOpenFiles: 256,
  allowNetworkFileSystem: false,
  lockWaitMs: 0,
  lockLeaseMs: 15_000,
} as const satisfies Required<Omit<FsStoreOptions, 'path' | 'fileSystem' | 'clock'>>

const aPath: OptionRule = (value) =>
  typeof value === 'string' && /^[^\0]+$/.test(value) ? undefined : 'a path of at least one character, without NUL'

const rules: OptionRules<FsStoreOptions> = {
  path: aPath,
  sync: oneOf('always', 'batch', 'os'),
  maxDocumentBytes: integer(1),
  maxOpenFiles: integer(1),
  allowNetworkFileSystem: aBoolean,
  lockWaitMs: integer(0),
  lockLeaseMs: integer(100),
  fileSystem: anObject,
  clock: anObjectWith('setTimer'),
}

/** Throws `invalid-option` for the first option that is unknown, missing or out of its rule. */
export function checkFsStoreOptions(options: FsStoreOptions): void {
  checkOptions<FsStoreOptions>('FsStore', options, rules, ['path'])
}
