/** Repairs the files of a data directory as its only owner: what cannot be used is set aside, what holds records is left as it is. */
import { join, resolve, sep } from 'node:path'
import { BeamClawError, defaultTenant, type StoreKey } from '@beamclaw/core'
import { DirectoryMaker } from './atomic-write.ts'
import { walkDataDirectory } from './backup-walk.ts'
import { BlobFiles } from './blob-files.ts'
import { damagedInWal, damagedLinesOf, keyOfPath, lookAtLog } from './damaged-logs.ts'
import { isDataDirectory, removeTemporaries, temporariesIn } from './dead-temporaries.ts'
import { readDocument } from './document-file.ts'
import { noDataDirectory, storeFailure } from './failures.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { removeIndexFiles } from './index-file.ts'
import type { DamagedLine, MissingLines } from './log-line.ts'
import type { FsStoreOptions } from './options.ts'
import { setAside } from './set-aside.ts'
import { StaleTemporaries } from './stale-temporaries.ts'
import { walDirectoryName } from './wal-segments.ts'
import { WalView } from './wal-view.ts'

/** Options of `DirectoryRepair.open`: those of the store, whose waiting for another owner does not apply. */
export interface DirectoryRepairOptions extends Omit<FsStoreOptions, 'lockWaitMs'> {
  /** The time that the names of files set aside tell. @default the machine's clock */
  readonly now?: () => Date
}

/** A file or line that is damaged. All files are named below the data directory. */
export type FileFinding =
  | { readonly kind: 'document'; readonly key: StoreKey | undefined; readonly file: string; readonly setAside: string }
  | { readonly kind: 'blob'; readonly key: StoreKey | undefined; readonly id: string; readonly file: string; readonly setAside: string }
  | {
      readonly kind: 'log'
      readonly key: StoreKey | undefined
      readonly path: string
      readonly lines: readonly (DamagedLine | MissingLines)[]
    }

/** What `checkFiles` has looked at. */
export interface CheckedFiles {
  readonly documents: number
  readonly blobs: number
  readonly logs: number
  readonly bytes: number
  /** Temporary files of dead processes that were removed. */
  readonly temporaries: number
}

/** Options of `DirectoryRepair.checkFiles`. */
export interface CheckFilesOptions {
  /** Called for each damaged file or log, once what had to be set aside is. What it throws ends the check. */
  readonly onFinding?: (finding: FileFinding) => void | Promise<void>
  /** Called after each file. */
  readonly onProgress?: (checked: CheckedFiles) => void
  /** Ends the check: it then rejects with the reason. */
  readonly signal?: AbortSignal
}

/**
 * Owns a data directory for a repair.
 *
 * Phases: `open → stopped`. Owns the store, and with it the lock.
 *
 * - I1: without the lock no file changes.
 * - I2: files of logs are read, and never written, renamed or removed, except as the store itself does when it starts.
 * - I3: a file that is set aside replaces no other.
 *
 * @example
 * await using repair = await DirectoryRepair.open({ path: './data' })
 * await repair.checkFiles({ onFinding: (finding) => console.log(finding.kind) })
 * await rebuildLists(repair.store, defaultTenant)
 */
export class DirectoryRepair {
  readonly store: FsStore
  readonly #root: string
  readonly #fileSystem: FileSystem
  readonly #now: () => Date
  readonly #temporaries: readonly string[]

  private constructor(store: FsStore, root: string, fileSystem: FileSystem, now: () => Date, temporaries: readonly string[]) {
    this.store = store
    this.#root = root
    this.#fileSystem = fileSystem
    this.#now = now
    this.#temporaries = temporaries
  }

  /**
   * Locks the directory and takes its write-ahead log over, as a start does. Rejects `invalid-option` for what is no data directory, `store-locked` while another
   * process owns it, `log-corrupt` for a write-ahead log that is damaged so that nothing says whose lines are lost, `store-io` and `store-full`; then nothing is
   * changed.
   */
  static async open({ now = () => new Date(), ...options }: DirectoryRepairOptions): Promise<DirectoryRepair> {
    const { fileSystem = nodeFileSystem } = options
    const store = new FsStore(options)
    const root = resolve(options.path)
    try {
      if (!(await isDataDirectory(fileSystem, root)))
        throw noDataDirectory(root, 'it has neither a write-ahead log nor a journal of a session')
      const temporaries = await temporariesIn(root)
      await store.list([defaultTenant], { limit: 1 })
      return new DirectoryRepair(store, root, fileSystem, now, temporaries)
    } catch (error) {
      await store.stop()
      throw storeFailure(error, `repairing ${root}`)
    }
  }

  /** Resolves with the tenants that have something in the directory, also in its write-ahead log alone. A name too long for a file name is none of a tenant. */
  async tenants(): Promise<readonly string[]> {
    const view = new WalView(this.#fileSystem, this.#root)
    try {
      // What leaves the write-ahead log after this has a directory.
      await view.refresh()
      const names = [...view.paths()].map((path) => path.split(sep)[0] ?? '')
      const entries = await this.#fileSystem.list(this.#root)
      for (const { name, mayHoldEntries } of entries) if (mayHoldEntries && name !== walDirectoryName) names.push(name)
      const keys = names.map(keyOfPath).filter((key) => key !== undefined)
      return [...new Set(keys.map(([tenant]) => tenant))].sort()
    } catch (error) {
      throw storeFailure(error, `looking for tenants in ${this.#root}`)
    } finally {
      await view.close()
    }
  }

  /** Removes the index of sessions, a cache that is made anew from the journals. Call it before the store's index is used. */
  async removeIndex(): Promise<void> {
    await removeIndexFiles(this.#fileSystem, join(this.#root, 'index.sqlite'))
  }

  /**
   * Looks at every document, attachment and line. Damaged documents and attachments are set aside as `NAME.damaged-<time>`; damaged lines are reported, and left
   * as they are. Rejects as the store does.
   */
  async checkFiles({ onFinding, onProgress, signal }: CheckFilesOptions = {}): Promise<CheckedFiles> {
    const [fileSystem, root] = [this.#fileSystem, this.#root]
    let checked: CheckedFiles = { documents: 0, blobs: 0, logs: 0, bytes: 0, temporaries: 0 }
    const add = (more: Partial<CheckedFiles>): void => {
      const sum = (name: keyof CheckedFiles): number => checked[name] + (more[name] ?? 0)
      checked = {
        documents: sum('documents'),
        blobs: sum('blobs'),
        logs: sum('logs'),
        bytes: sum('bytes'),
        temporaries: sum('temporaries'),
      }
      onProgress?.(checked)
    }
    const look = async (path: string, isSuspect: boolean): Promise<void> => {
      signal?.throwIfAborted()
      const { bytes, key, lines } = await lookAtLog(fileSystem, root, path, isSuspect, signal)
      if (lines.length > 0) await onFinding?.({ kind: 'log', key, path, lines })
      add({ logs: 1, bytes })
    }
    try {
      signal?.throwIfAborted()
      add({ temporaries: await removeTemporaries(fileSystem, this.#temporaries, signal) })
      const suspects = new Set(await damagedInWal(fileSystem, root))
      for await (const { path, logs, documents, blobs } of walkDataDirectory(root)) {
        for (const file of documents) {
          signal?.throwIfAborted()
          const aside = await this.#unless(file, () => readDocument(fileSystem, join(root, file)))
          if (aside !== undefined)
            await onFinding?.({ kind: 'document', key: keyOfPath(file.slice(0, -'.json'.length)), file, setAside: aside })
          add({ documents: 1 })
        }
        for (const file of blobs) {
          const id = file.slice(path.length + 1)
          const aside = await this.#unless(file, () => this.#readBlob(path, id, signal))
          const key = keyOfPath(path.slice(0, -'.blobs'.length))
          if (aside !== undefined) await onFinding?.({ kind: 'blob', key, id, file, setAside: aside })
          add({ blobs: 1 })
        }
        for (const log of logs) await look(log, suspects.delete(log))
      }
      // Logs without a file of their own.
      for (const log of suspects) await look(log, true)
      return checked
    } catch (error) {
      if (signal?.aborted === true) throw error
      throw storeFailure(error, `repairing ${root}`)
    }
  }

  /** Resolves with the damaged and missing lines of one log, at most 1,000. Rejects as `readLogBeside`. */
  async damagedLines(key: StoreKey, signal?: AbortSignal): Promise<readonly (DamagedLine | MissingLines)[]> {
    return await damagedLinesOf(this.#fileSystem, this.#root, key, signal)
  }

  /** Stops the store and releases the directory. */
  async stop(): Promise<void> {
    await this.store.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Sets a file aside when reading it rejects `log-corrupt`; resolves with its new name then. */
  async #unless(file: string, read: () => Promise<unknown>): Promise<string | undefined> {
    try {
      await read()
      return undefined
    } catch (error) {
      if (!BeamClawError.isInstance(error, 'log-corrupt')) throw error
      const aside = await setAside(this.#fileSystem, join(this.#root, file), this.#now())
      return aside.slice(this.#root.length + 1)
    }
  }

  async #readBlob(directory: string, id: string, signal: AbortSignal | undefined): Promise<void> {
    const fileSystem = this.#fileSystem
    const files = new BlobFiles(fileSystem, new DirectoryMaker(fileSystem, this.#root), new StaleTemporaries(fileSystem, 'repair'))
    for await (const _ of files.pieces(join(this.#root, directory), id, () => signal?.throwIfAborted())) {
      // Read for its checksum alone.
    }
  }
}
