/** A copy of a data directory while its owner runs and writes. */
import { realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BeamClawError, type StoreKey } from '@beamclaw/core'
import { aFunction, anObject, anObjectWith, checkOptions } from '@beamclaw/core/adapter'
import { DirectoryMaker, isAbsent, syncDirectory } from './atomic-write.ts'
import { BackupLogs } from './backup-logs.ts'
import { BackupTarget } from './backup-target.ts'
import { walkDataDirectory } from './backup-walk.ts'
import { copyFile } from './copy-file.ts'
import { keyOfPath, lookAtLog } from './damaged-logs.ts'
import { readDocument } from './document-file.ts'
import { noDataDirectory, storeFailure } from './failures.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { aPath } from './options.ts'
import { ownFileName } from './own-file.ts'
import { Limiter } from './queues.ts'
import { settleAll } from './settle-all.ts'
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

const mostLeftOut = 100
const mostDamaged = 100
const mostAtOnce = 16

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
      const result = await new Backup(fileSystem, root, target.path, options).run()
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

async function dataDirectory(from: string): Promise<string> {
  try {
    const root = await realpath(from)
    if ((await stat(join(root, walDirectoryName))).isDirectory()) return root
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
  throw noDataDirectory(from, 'it has no write-ahead log')
}

async function isDocument(fileSystem: FileSystem, path: string): Promise<boolean> {
  try {
    // A copy without bytes leaves no file.
    return (await readDocument(fileSystem, path)) !== undefined
  } catch (error) {
    if (BeamClawError.isInstance(error, 'log-corrupt')) return false
    throw error
  }
}

/**
 * Copies the logs, then documents, then blobs: a blob is durable before the record that names it, so it is there by then.
 *
 * - I1: the logs come first, each in one state of its own (`BackupLogs`).
 * - I2: each file is synced, and after it each directory.
 */
class Backup {
  readonly #fileSystem: FileSystem
  readonly #root: string
  readonly #target: string
  readonly #options: BackupOptions
  readonly #directories: DirectoryMaker
  readonly #limiter = new Limiter(mostAtOnce)
  readonly #leftOut = new Set<string>()
  readonly #damaged: BackupDamage[] = []
  #damagedFiles = 0
  #progress: BackupProgress = { logs: 0, documents: 0, blobs: 0, bytes: 0 }

  constructor(fileSystem: FileSystem, root: string, target: string, options: BackupOptions) {
    this.#fileSystem = fileSystem
    this.#root = root
    this.#target = target
    this.#options = options
    this.#directories = new DirectoryMaker(fileSystem, target)
  }

  async run(): Promise<BackupResult> {
    await this.#copyLogs()
    for await (const { path, documents, blobs } of walkDataDirectory(this.#root)) {
      await settleAll(documents.map((file) => this.#limiter.run(() => this.#copy(file, 'documents'))))
      await settleAll(blobs.map((file) => this.#limiter.run(() => this.#copy(file, 'blobs'))))
      if (documents.length + blobs.length > 0) await this.#sync(path)
    }
    const damaged = this.#damaged.sort((a, b) => (a.file < b.file ? -1 : 1))
    return { ...this.#progress, damaged, damagedFiles: this.#damagedFiles, leftOut: [...this.#leftOut].sort() }
  }

  async #copyLogs(): Promise<void> {
    const logs = new BackupLogs({
      fileSystem: this.#fileSystem,
      root: this.#root,
      target: this.#target,
      directories: this.#directories,
      onLog: (bytes) => this.#add('logs', bytes),
      check: () => this.#options.signal?.throwIfAborted(),
    })
    try {
      await logs.begin()
      for await (const { path, logs: found, unknown } of walkDataDirectory(this.#root)) {
        for (const name of unknown) if (this.#leftOut.size < mostLeftOut) this.#leftOut.add(name)
        await logs.copy(found)
        if (found.length > 0) await this.#sync(path)
      }
      await logs.finish()
      for (const path of logs.suspects) await this.#lookAt(path)
    } finally {
      await logs.close()
    }
  }

  /** Looks at a log in the copy, which is as a start after a crash finds it. */
  async #lookAt(path: string): Promise<void> {
    const { key, lines } = await lookAtLog(this.#fileSystem, this.#target, path, true, this.#options.signal)
    if (lines.length === 0) return
    const named = lines.find((line) => line.kind === 'damaged' && !line.file.startsWith(walDirectoryName))
    this.#isDamaged({ file: named?.kind === 'damaged' ? named.file : ownFileName(path, 1), key, lines: lines.length })
  }

  #isDamaged(damage: BackupDamage): void {
    this.#damagedFiles += 1
    if (this.#damaged.length < mostDamaged) this.#damaged.push(damage)
  }

  async #copy(file: string, kind: 'documents' | 'blobs'): Promise<void> {
    this.#options.signal?.throwIfAborted()
    let descriptor: number
    try {
      descriptor = await this.#fileSystem.open(join(this.#root, file), 'r')
    } catch (error) {
      // It was deleted meanwhile.
      if (isAbsent(error)) return
      throw error
    }
    try {
      const size = await this.#fileSystem.size(descriptor)
      const to = join(this.#target, file)
      await this.#directories.make(dirname(to))
      const onChunk = (): void => this.#options.signal?.throwIfAborted()
      this.#add(kind, await copyFile(this.#fileSystem, { descriptor, size, isCutAtLine: false, onChunk }, to))
      if (kind === 'documents' && !(await isDocument(this.#fileSystem, to)))
        this.#isDamaged({ file, key: keyOfPath(file.slice(0, -'.json'.length)), lines: 1 })
    } finally {
      await this.#fileSystem.close(descriptor)
    }
  }

  #add(kind: 'logs' | 'documents' | 'blobs', bytes: number): void {
    const progress = this.#progress
    this.#progress = { ...progress, [kind]: progress[kind] + 1, bytes: progress.bytes + bytes }
    this.#options.onProgress?.(this.#progress)
  }

  async #sync(path: string): Promise<void> {
    // None was made when all files in it were deleted meanwhile.
    await syncDirectory(this.#fileSystem, join(this.#target, path)).catch((error: unknown) => {
      if (!isAbsent(error)) throw error
    })
  }
}
