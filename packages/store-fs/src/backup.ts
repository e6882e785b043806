/** A copy of a data directory while its owner runs and writes. */
import { realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoreKey } from '@beamclaw/core'
import { aFunction, anObject, anObjectWith, checkOptions } from '@beamclaw/core/adapter'
import { isAbsent } from './atomic-write.ts'
import { BackupTarget } from './backup-target.ts'
import { CopyPlaces } from './copy-places.ts'
import { DirectoryCopy } from './directory-copy.ts'
import { noDataDirectory, storeFailure } from './failures.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { aPath } from './options.ts'
import { walDirectoryName } from './wal-segments.ts'

/** What a backup has copied so far. */
export interface BackupProgress {
  /** Logs, one for each session and more. */
  readonly logs: number
  readonly documents: number
  readonly blobs: number
  /** Bytes that were written. */
  readonly bytes: number
}

/** A log or a document that was damaged before it was copied, and is as damaged in the copy. */
export interface BackupDamage {
  /** The file in the data directory; for lines of the write-ahead log, the own file that their log has or will have. */
  readonly file: string
  /** Undefined where nothing says whose it is. */
  readonly key: StoreKey | undefined
  /** Damaged and missing lines; 1 for a document. */
  readonly lines: number
}

/** A finished backup. */
export interface BackupResult extends BackupProgress {
  /** Damaged logs and documents: at most 100 of them. */
  readonly damaged: readonly BackupDamage[]
  /** All of them. */
  readonly damagedFiles: number
  /** Paths in the data directory that were not copied: symbolic links, and names that the store does not give. At most 100 of them. */
  readonly leftOut: readonly string[]
}

/** Options of `backupDirectory`. */
export interface BackupOptions {
  /** The data directory. */
  readonly from: string
  /** The directory to make; it may be there when it is empty. The directory around it must exist. */
  readonly to: string
  /** Ends the copy: the promise rejects with its reason. */
  readonly signal?: AbortSignal
  /** Called after each file and each log. An error that it throws ends the copy. */
  readonly onProgress?: (progress: BackupProgress) => void
  /** The operating system calls, replaced by tests that make them fail. @default nodeFileSystem */
  readonly fileSystem?: FileSystem
}

/**
 * Copies a data directory while its owner runs and writes, from any process: without the lock, and without disturbing the owner. The copy is a data directory.
 * Each log in it has what was acknowledged before the copy began, and after that some prefix of what came meanwhile; of logs that were deleted before, nothing.
 * The index of sessions and the lists of busy sessions are left out: the next start makes them anew. What is damaged is copied as it is, and named in the result. `to` is there when the copy is whole and durable, and never
 * before. Rejects `invalid-option` (`to` is taken or in the data directory, `from` is no data directory), `store-full`, `store-io`, and `log-corrupt` when the
 * write-ahead log is damaged so that nothing says whose lines are lost.
 *
 * @example
 * const { logs, bytes } = await backupDirectory({ from: './data', to: '/backups/monday' })
 */
export async function backupDirectory(options: BackupOptions): Promise<BackupResult> {
  checkOptions<BackupOptions>(
    'backupDirectory',
    options,
    { from: aPath, to: aPath, signal: anObjectWith('throwIfAborted'), onProgress: aFunction, fileSystem: anObject },
    ['from', 'to'],
  )
  const { from, to, signal, fileSystem = nodeFileSystem } = options
  signal?.throwIfAborted()
  try {
    const root = await dataDirectory(from)
    const target = await BackupTarget.prepare(fileSystem, root, to)
    try {
      const places = new CopyPlaces(fileSystem, [target.path])
      const result = await new DirectoryCopy({ ...options, fileSystem, root, places }).run()
      signal?.throwIfAborted()
      await target.commit()
      return result
    } catch (error) {
      await target.discard().catch(() => undefined)
      throw error
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason
    throw storeFailure(error, `copying ${from} to ${to}`)
  }
}

/** Resolves with the real path of a data directory. Rejects `invalid-option` for a directory that is none. */
export async function dataDirectory(from: string): Promise<string> {
  try {
    const root = await realpath(from)
    if ((await stat(join(root, walDirectoryName))).isDirectory()) return root
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
  throw noDataDirectory(from, 'it has no write-ahead log')
}
