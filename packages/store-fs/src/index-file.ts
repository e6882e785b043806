/** The open file of the index of sessions, and its syncs, which do not block the event loop as those of SQLite would. */
import { basename, dirname } from 'node:path'
import { isAbsent, syncDirectory } from './atomic-write.ts'
import { systemCode } from './failures.ts'
import type { FileSystem } from './file-system.ts'
import type { IndexCheck } from './index-check.ts'
import { IndexDamage, IndexDatabase } from './index-database.ts'
import { isInTheWay } from './index-failures.ts'
import { isLogWhole } from './index-log.ts'
import { compareStamp, removeStamp, stampOf, writeStamp } from './index-stamp.ts'
import { removeOrSetAside } from './set-aside.ts'
import type { Sqlite } from './sqlite-module.ts'

export interface IndexFileOptions {
  readonly sqlite: Sqlite
  readonly path: string
  readonly fileSystem: FileSystem
  /** False when the operating system may lose what it has. */
  readonly isSynced: boolean
  /** Begins to look through the file, in another thread. */
  readonly check: (path: string) => IndexCheck
}

/** Endings of the files that SQLite makes: the file, its write-ahead log, what its processes share, and what a new file has for a moment. */
const fileEndings = ['', '-wal', '-shm', '-journal']

/** Steps after which the write-ahead log of SQLite is moved into the file: it then has some hundred pages. */
const stepsToMove = 512

/** Steps after which a check holds up the move no longer. */
const mostHeldSteps = 16 * stepsToMove

/** Checks of one file that begin, at most: each that is given up was for nothing. */
const mostChecks = 3

/**
 * What is known of the bytes of the file. `stamped`: they are what the stamp says, and nothing was written since. `sound`: they were, or the file was made by this
 * process, or a check has ended well. `checking`: there was no stamp, and a check is under way. `unchecked`: no check came to an end. `damaged`: one found damage.
 */
type Trust =
  | { readonly phase: 'stamped' | 'sound' | 'unchecked' }
  | { readonly phase: 'checking'; readonly check: IndexCheck }
  | { readonly phase: 'damaged'; readonly damage: IndexDamage }

/**
 * Phases: `open → closed`. While open, `#trust` has a phase of its own: `stamped → sound`, `checking → sound`, `checking → damaged`, `checking ⇄ unchecked`.
 *
 * - I1: a transaction is durable once `sync` has resolved after it: the write-ahead log of SQLite is synced then.
 * - I2: that log is synced before it is moved into the file, the file is synced before the log is emptied, and the empty log is synced before anything else is
 *   written: so after a power cut either the log has what the file lacks, or the file has all. Without the last sync, the beginning of the old log could be left
 *   before the end of a new one, and old pages would be laid over the file.
 * - I3: what was deleted is overwritten with zeros in the file; the log has it until `shred`. A process that died may have left such a log, so it is shredded at once.
 * - I4: the descriptors are closed after SQLite has closed the file: to close one gives up the locks that this process holds on it.
 * - I5: there is a stamp only while the file is as it was when it was stamped: it is written after the file is closed and synced, and removed, durably, before the
 *   next transaction.
 * - I6: only a file that is known to be sound is stamped.
 * - I7: the file does not change while it is checked: SQLite's log is not moved into it. A deletion or many writes end the check.
 */
export class IndexFile {
  readonly database: IndexDatabase
  readonly #options: IndexFileOptions
  readonly #descriptors: { readonly log: number; readonly file: number }
  #steps = 0
  #trust: Trust
  #checks = 0

  private constructor(
    database: IndexDatabase,
    options: IndexFileOptions,
    descriptors: { readonly log: number; readonly file: number },
    phase: 'stamped' | 'sound' | 'unchecked',
  ) {
    this.database = database
    this.#options = options
    this.#descriptors = descriptors
    this.#trust = { phase }
  }

  /**
   * Opens or makes the file. Rejects as `IndexDatabase` throws, as the file system does, and with `IndexDamage` for a file that is not what its stamp says, a
   * write-ahead log that has changed, and a name that is no file that this process can open.
   */
  static async open(options: IndexFileOptions): Promise<IndexFile> {
    const { sqlite, path, fileSystem, isSynced } = options
    await checkNames(fileSystem, path)
    const stamp = await compareStamp(fileSystem, path)
    if (stamp === 'changed') throw new IndexDamage('its bytes are not those with which it was closed')
    if (!(await isLogWhole(fileSystem, `${path}-wal`))) throw new IndexDamage('its write-ahead log has changed since it was written')
    if (stamp === 'none') await removeStamp(fileSystem, path)
    const isNew = await makePrivate(fileSystem, path)
    const database = new IndexDatabase(sqlite, path)
    const open: number[] = []
    try {
      const descriptors = { log: await openLog(fileSystem, `${path}-wal`), file: -1 }
      open.push(descriptors.log)
      descriptors.file = await fileSystem.open(path, 'r+')
      open.push(descriptors.file)
      const opened = new IndexFile(database, options, descriptors, stamp === 'equal' ? 'stamped' : isNew ? 'sound' : 'unchecked')
      if (isSynced) await syncDirectory(fileSystem, dirname(path))
      if ((await fileSystem.size(descriptors.log)) > 0) await opened.shred()
      opened.#check()
      return opened
    } catch (error) {
      database.close()
      for (const descriptor of open) await fileSystem.close(descriptor).catch(() => {})
      throw error
    }
  }

  /** Notes a transaction that took so many steps. */
  count(steps: number): void {
    this.#steps += steps
  }

  /** True when the write-ahead log is so long that it is to be moved. */
  get isFull(): boolean {
    return this.#steps >= (this.isChecking ? mostHeldSteps : stepsToMove)
  }

  /** True while the file is looked through, so that what was deleted has to wait. */
  get isChecking(): boolean {
    return this.#trust.phase === 'checking'
  }

  /** Throws `IndexDamage` once a check has found damage. */
  throwIfDamaged(): void {
    if (this.#trust.phase === 'damaged') throw this.#trust.damage
  }

  /** Call it before each transaction that writes. */
  async beforeWrite(): Promise<void> {
    if (this.#trust.phase !== 'stamped') return
    await removeStamp(this.#options.fileSystem, this.#options.path)
    this.#trust = { phase: 'sound' }
  }

  /** Makes the transactions so far durable. */
  async sync(): Promise<void> {
    if (this.#options.isSynced) await this.#options.fileSystem.datasync(this.#descriptors.log)
    if (!this.isFull) return
    await this.#move()
    this.#check()
  }

  /** Leaves nothing of what was deleted. A check under way is given up. */
  async shred(): Promise<void> {
    if (this.#options.isSynced) await this.#options.fileSystem.datasync(this.#descriptors.log)
    await this.#move()
    this.#check()
  }

  /** Moves everything into the file, closes it, and stamps it. Rejects with the file still open: `abandon` it then. */
  async close(): Promise<void> {
    this.throwIfDamaged()
    this.#giveUpCheck()
    // Also when nothing was written: SQLite moves what a killed process left in the log by itself, and deletes the log without a sync of the file.
    await this.sync()
    await this.#move()
    await this.#end(true)
  }

  /** Closes the file as it is. */
  async abandon(): Promise<void> {
    this.#giveUpCheck()
    await this.#end(false)
  }

  async #end(isInOrder: boolean): Promise<void> {
    const { log, file } = this.#descriptors
    try {
      this.database.close()
      // A file without a stamp is checked at the next start, so a failure costs no more than that.
      if (isInOrder && this.#trust.phase === 'sound') await this.#stamp().catch(() => {})
    } finally {
      await this.#options.fileSystem.close(log)
      await this.#options.fileSystem.close(file)
    }
  }

  async #stamp(): Promise<void> {
    const { isSynced, fileSystem, path } = this.#options
    const { log, file } = this.#descriptors
    // Another program that reads the file keeps SQLite from moving all of its log.
    if ((await fileSystem.size(log)) > 0) return
    if (isSynced) await fileSystem.datasync(file)
    await writeStamp(fileSystem, path, await stampOf(fileSystem, file))
  }

  #check(): void {
    if (this.#trust.phase !== 'unchecked' || this.#checks >= mostChecks) return
    this.#checks += 1
    const check = this.#options.check(this.#options.path)
    const trust: Trust = { phase: 'checking', check }
    this.#trust = trust
    void check.verdict.then((verdict) => {
      // Else it was given up.
      if (this.#trust !== trust) return
      this.#trust =
        typeof verdict === 'string' ? { phase: verdict === 'sound' ? 'sound' : 'unchecked' } : { phase: 'damaged', damage: verdict }
    })
  }

  #giveUpCheck(): void {
    if (this.#trust.phase !== 'checking') return
    this.#trust.check.stop()
    this.#trust = { phase: 'unchecked' }
  }

  async #move(): Promise<void> {
    const { isSynced, fileSystem } = this.#options
    this.#giveUpCheck()
    this.database.checkpoint()
    if (isSynced) await fileSystem.datasync(this.#descriptors.file)
    this.database.emptyLog()
    if (isSynced) await fileSystem.datasync(this.#descriptors.log)
    this.#steps = 0
  }
}

/**
 * Makes the file as those of the store are, for its owner alone; SQLite would let others read it. Its write-ahead log gets the same mode. Resolves with false when
 * there was a file.
 */
async function makePrivate(fileSystem: FileSystem, path: string): Promise<boolean> {
  try {
    await fileSystem.close(await fileSystem.open(path, 'wx'))
    return true
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    return false
  }
}

/** Throws `IndexDamage` for a name that is no file that this process can open: SQLite would fail at each call, in words that say neither why nor which. */
async function checkNames(fileSystem: FileSystem, path: string): Promise<void> {
  for (const name of fileEndings.map((ending) => `${path}${ending}`)) {
    try {
      await fileSystem.close(await fileSystem.open(name, 'r+'))
    } catch (error) {
      if (isInTheWay(error)) throw new IndexDamage(`${basename(name)} cannot be opened (${systemCode(error)})`)
      // Any other error comes again where the file is used, if it matters there.
    }
  }
}

/** SQLite makes the write-ahead log beside the file that a symbolic link leads to: then there is none here to be synced. */
async function openLog(fileSystem: FileSystem, path: string): Promise<number> {
  try {
    return await fileSystem.open(path, 'r+')
  } catch (error) {
    throw isAbsent(error) ? new IndexDamage('it is a symbolic link, and its write-ahead log is elsewhere') : error
  }
}

/** Removes the file and all that belongs to it, the stamp first: so none is beside another file. */
export async function removeIndexFiles(fileSystem: FileSystem, path: string): Promise<void> {
  await removeStamp(fileSystem, path)
  for (const ending of fileEndings) await removeOrSetAside(fileSystem, `${path}${ending}`)
}
