/** Copies all that is in a data directory: logs, documents and attachments. */
import { dirname, join } from 'node:path'
import { BeamClawError, type StoreKey } from '@beamclaw/core'
import { isAbsent } from './atomic-write.ts'
import type { BackupDamage, BackupProgress, BackupResult } from './backup.ts'
import { BackupLogs } from './backup-logs.ts'
import { walkDataDirectory } from './backup-walk.ts'
import { copyFile } from './copy-file.ts'
import type { CopyPlaces } from './copy-places.ts'
import { keyOfPath, lookAtLog } from './damaged-logs.ts'
import { readDocument } from './document-file.ts'
import type { FileSystem } from './file-system.ts'
import { ownFileName } from './own-file.ts'
import { Limiter } from './queues.ts'
import { settleAll } from './settle-all.ts'
import { walDirectoryName } from './wal-segments.ts'

/** What copying needs. */
export interface DirectoryCopyOptions {
  readonly fileSystem: FileSystem
  readonly root: string
  readonly places: CopyPlaces
  /** True to copy the lists of busy sessions, too: the copy takes the place of the directory. @default false */
  readonly withActivity?: boolean
  /** Ends the copy: it rejects with its reason. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: BackupProgress) => void
}

const mostLeftOut = 100
const mostDamaged = 100
const mostAtOnce = 16
const blobsEnding = '.blobs'

async function isDocument(fileSystem: FileSystem, path: string): Promise<boolean> {
  try {
    // A copy without bytes leaves no file.
    return (await readDocument(fileSystem, path)) !== undefined
  } catch (error) {
    if (BeamClawError.isInstance(error, 'log-corrupt')) return false
    throw error
  }
}

/** Resolves with undefined for a document that is damaged, or gone. */
async function keyInDocument(fileSystem: FileSystem, path: string): Promise<StoreKey | undefined> {
  try {
    return (await readDocument(fileSystem, path))?.key
  } catch (error) {
    if (BeamClawError.isInstance(error, 'log-corrupt')) return undefined
    throw error
  }
}

/**
 * Copies the logs, then documents, then blobs: a blob is durable before the record that names it, so it is there by then.
 *
 * - I1: the logs come first, each in one state of its own (`BackupLogs`).
 * - I2: each file is synced, and after it each directory.
 */
export class DirectoryCopy {
  readonly #options: DirectoryCopyOptions
  readonly #limiter = new Limiter(mostAtOnce)
  readonly #leftOut = new Set<string>()
  readonly #damaged: BackupDamage[] = []
  #damagedFiles = 0
  #progress: BackupProgress = { logs: 0, documents: 0, blobs: 0, bytes: 0 }

  constructor(options: DirectoryCopyOptions) {
    this.#options = options
  }

  async run(): Promise<BackupResult> {
    await this.#copyLogs()
    const { root, places } = this.#options
    for await (const { path, documents, blobs } of walkDataDirectory(root)) {
      await settleAll(documents.map((file) => this.#limiter.run(() => this.#copyDocument(file))))
      await settleAll(blobs.map((file) => this.#limiter.run(() => this.#copyBlob(file))))
      if (documents.length + blobs.length > 0) await places.sync(path)
    }
    const damaged = this.#damaged.sort((a, b) => (a.file < b.file ? -1 : 1))
    return { ...this.#progress, damaged, damagedFiles: this.#damagedFiles, leftOut: [...this.#leftOut].sort() }
  }

  async #copyLogs(): Promise<void> {
    const { fileSystem, root, places, withActivity = false, signal } = this.#options
    const logs = new BackupLogs({
      fileSystem,
      root,
      places,
      withActivity,
      onUnplaced: (path) => this.#isLeftOut(ownFileName(path, 1)),
      onLog: (bytes) => this.#add('logs', bytes),
      check: () => signal?.throwIfAborted(),
    })
    try {
      await logs.begin()
      for await (const { path, logs: found, activity, unknown } of walkDataDirectory(root)) {
        for (const name of unknown) this.#isLeftOut(name)
        const wanted = withActivity ? [...found, ...activity] : found
        await logs.copy(wanted)
        if (wanted.length > 0) await places.sync(path)
      }
      await logs.finish()
      for (const path of logs.suspects) await this.#lookAt(path)
    } finally {
      await logs.close()
    }
  }

  /** Looks at a log in the copy, which is as a start after a crash finds it. */
  async #lookAt(path: string): Promise<void> {
    const { fileSystem, places, signal } = this.#options
    const place = places.of(path)
    if (place === undefined) return
    const { key, lines } = await lookAtLog(fileSystem, place.path, path, true, signal)
    if (lines.length === 0) return
    const named = lines.find((line) => line.kind === 'damaged' && !line.file.startsWith(walDirectoryName))
    this.#isDamaged({ file: named?.kind === 'damaged' ? named.file : ownFileName(path, 1), key, lines: lines.length })
  }

  #isDamaged(damage: BackupDamage): void {
    this.#damagedFiles += 1
    if (this.#damaged.length < mostDamaged) this.#damaged.push(damage)
  }

  #isLeftOut(path: string): void {
    if (this.#leftOut.size < mostLeftOut) this.#leftOut.add(path)
  }

  async #copyDocument(file: string): Promise<void> {
    const { fileSystem, root, places } = this.#options
    const path = file.slice(0, -'.json'.length)
    if (places.of(path) === undefined) {
      const key = await keyInDocument(fileSystem, join(root, file))
      if (key !== undefined) places.learn(path, key)
    }
    const copy = await this.#copy(file, path, 'documents')
    if (copy !== undefined && !(await isDocument(fileSystem, copy))) this.#isDamaged({ file, key: keyOfPath(path), lines: 1 })
  }

  async #copyBlob(file: string): Promise<void> {
    await this.#copy(file, dirname(file).slice(0, -blobsEnding.length), 'blobs')
  }

  /** Copies a file to where `owner` goes. Resolves with the path of the copy; undefined without one. */
  async #copy(file: string, owner: string, kind: 'documents' | 'blobs'): Promise<string | undefined> {
    const { fileSystem, root, places, signal } = this.#options
    signal?.throwIfAborted()
    const place = places.of(owner)
    if (place === undefined) {
      this.#isLeftOut(file)
      return undefined
    }
    let descriptor: number
    try {
      descriptor = await fileSystem.open(join(root, file), 'r')
    } catch (error) {
      // It was deleted meanwhile.
      if (isAbsent(error)) return undefined
      throw error
    }
    try {
      const size = await fileSystem.size(descriptor)
      const to = join(place.path, file)
      await place.directories.make(dirname(to))
      const onChunk = (): void => signal?.throwIfAborted()
      const source = { descriptor, size, isCutAtLine: false, keepsEmpty: kind === 'blobs', onChunk }
      this.#add(kind, await copyFile(fileSystem, source, to))
      return to
    } finally {
      await fileSystem.close(descriptor)
    }
  }

  #add(kind: 'logs' | 'documents' | 'blobs', bytes: number): void {
    const progress = this.#progress
    this.#progress = { ...progress, [kind]: progress[kind] + 1, bytes: progress.bytes + bytes }
    this.#options.onProgress?.(this.#progress)
  }
}
