/** The open file of the index of sessions, and its syncs, which do not block the event loop as those of SQLite would. */
import { dirname } from 'node:path'
import { syncDirectory } from './atomic-write.ts'
import { systemCode } from './failures.ts'
import type { FileSystem } from './file-system.ts'
import { IndexDatabase } from './index-database.ts'
import type { Sqlite } from './sqlite-module.ts'

export interface IndexFileOptions {
  readonly sqlite: Sqlite
  readonly path: string
  readonly fileSystem: FileSystem
  /** False when the operating system may lose what it has. */
  readonly isSynced: boolean
}

/** Steps after which the write-ahead log of SQLite is moved into the file: it then has some hundred pages. */
const stepsToMove = 512

/**
 * Phases: `open → closed`.
 *
 * - I1: a transaction is durable once `sync` has resolved after it: the write-ahead log of SQLite is synced then.
 * - I2: that log is synced before it is moved into the file, the file is synced before the log is emptied, and the empty log is synced before anything else is
 *   written: so after a power cut either the log has what the file lacks, or the file has all. Without the last sync, the beginning of the old log could be left
 *   before the end of a new one, and old pages would be laid over the file.
 * - I3: what was deleted is overwritten with zeros in the file; the log has it until `shred`. A process that died may have left such a log, so it is shredded at once.
 * - I4: the descriptors are closed after SQLite has closed the file: to close one gives up the locks that this process holds on it.
 */
export class IndexFile {
  readonly database: IndexDatabase
  readonly #options: IndexFileOptions
  readonly #descriptors: { readonly log: number; readonly file: number }
  #steps = 0

  private constructor(database: IndexDatabase, options: IndexFileOptions, descriptors: { readonly log: number; readonly file: number }) {
    this.database = database
    this.#options = options
    this.#descriptors = descriptors
  }

  /** Opens or makes the file. Rejects as `IndexDatabase` throws, and as the file system does. */
  static async open(options: IndexFileOptions): Promise<IndexFile> {
    const { sqlite, path, fileSystem, isSynced } = options
    await makePrivate(fileSystem, path)
    const database = new IndexDatabase(sqlite, path)
    try {
      const descriptors = { log: await fileSystem.open(`${path}-wal`, 'r+'), file: await fileSystem.open(path, 'r+') }
      const opened = new IndexFile(database, options, descriptors)
      if (isSynced) await syncDirectory(fileSystem, dirname(path))
      if ((await fileSystem.size(descriptors.log)) > 0) await opened.shred()
      return opened
    } catch (error) {
      database.close()
      throw error
    }
  }

  /** Notes a transaction that took so many steps. */
  count(steps: number): void {
    this.#steps += steps
  }

  /** True when the write-ahead log is so long that it is to be moved. */
  get isFull(): boolean {
    return this.#steps >= stepsToMove
  }

  /** Makes the transactions so far durable. */
  async sync(): Promise<void> {
    if (this.#options.isSynced) await this.#options.fileSystem.datasync(this.#descriptors.log)
    if (this.isFull) await this.#move()
  }

  /** Leaves nothing of what was deleted. */
  async shred(): Promise<void> {
    if (this.#options.isSynced) await this.#options.fileSystem.datasync(this.#descriptors.log)
    await this.#move()
  }

  /** Moves everything into the file, and closes it. Rejects with the file still open: `abandon` it then. */
  async close(): Promise<void> {
    // Also when nothing was written: SQLite moves what a killed process left in the log by itself, and deletes the log without a sync of the file.
    await this.sync()
    await this.#move()
    await this.abandon()
  }

  /** Closes the file as it is. */
  async abandon(): Promise<void> {
    const { log, file } = this.#descriptors
    try {
      this.database.close()
    } finally {
      await this.#options.fileSystem.close(log)
      await this.#options.fileSystem.close(file)
    }
  }

  async #move(): Promise<void> {
    const { isSynced, fileSystem } = this.#options
    this.database.checkpoint()
    if (isSynced) await fileSystem.datasync(this.#descriptors.file)
    this.database.emptyLog()
    if (isSynced) await fileSystem.datasync(this.#descriptors.log)
    this.#steps = 0
  }
}

/** Makes the file as those of the store are, for its owner alone; SQLite would let others read it. Its write-ahead log gets the same mode. */
async function makePrivate(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.close(await fileSystem.open(path, 'wx'))
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
}
