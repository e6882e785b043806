/** Copies the logs of a data directory: each as its own file and the lines of it that are in the write-ahead log, both of one moment. */
import { lstat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BeamClawError, type StoreKey } from '@beamclaw/core'
import { isAbsent } from './atomic-write.ts'
import { isActivityLog } from './backup-walk.ts'
import { copyFile } from './copy-file.ts'
import type { CopyPlace, CopyPlaces } from './copy-places.ts'
import type { FileSystem } from './file-system.ts'
import { type OpenOwnFile, openOwnFile, ownFileName, ownFileNames } from './own-file.ts'
import { ownFileLines } from './own-file-lines.ts'
import { keyTextOf } from './parsed-line.ts'
import { Limiter } from './queues.ts'
import { settleAll } from './settle-all.ts'
import { readHead } from './wal-line.ts'
import { type ViewedLine, WalView } from './wal-view.ts'

/** What copying logs needs. */
export interface BackupLogsOptions {
  readonly fileSystem: FileSystem
  readonly root: string
  readonly places: CopyPlaces
  /** True to copy the lists of busy sessions, too. */
  readonly withActivity: boolean
  /** Called with a log of which nothing says whose it is: it is not copied. */
  readonly onUnplaced: (path: string) => void
  /** Called after each log with the bytes that it has. */
  readonly onLog: (bytes: number) => void
  /** Called often; throws to end the copy. */
  readonly check: () => void
}

/** A log at one moment. */
interface Moment {
  readonly path: string
  readonly own: OpenOwnFile | undefined
  readonly lines: readonly ViewedLine[]
}

/** A log at one moment, and where it goes. */
interface PlacedMoment extends Moment {
  readonly place: CopyPlace
}

const mostAtOnce = 64
const mostAttempts = 1_000
const mostCopies = 16

/**
 * Why no record is lost, whatever the owner does meanwhile. A line is in the write-ahead log until it is durable in the own file of its log, and leaves it only
 * with its segment. So for some logs at a time: their own files are opened, then the write-ahead log is read as it is now (`WalView.refresh`), then the list of
 * its segments says whether one has gone since the look before. If none has, a line that is not in the own files that were opened is in the segments that were
 * read. If one has, lines may have moved in between, and the same is done again. What is deleted or dropped by then is a line in the segments, too: own files
 * change after it. Descriptors keep what was opened readable, so the copying itself may take as long as it takes. The other order, the write-ahead log once
 * and own files later, has neither: an own file that was deleted and written again would be joined to the lines of the log before it.
 *
 * The lines are written to a write-ahead log of the copy, so its first start does what a start after a crash does: it cuts each own file back to before them.
 * Lines of the lists of busy sessions are left out of a backup, as the own files of these lists are.
 *
 * - I1: each log is copied once, and each that had lines in the write-ahead log when the copy began is copied.
 */
export class BackupLogs {
  readonly #options: BackupLogsOptions
  readonly #view: WalView
  readonly #limiter = new Limiter(mostCopies)
  readonly #ownBytes = new Map<string, number>()
  readonly #suspects = new Set<string>()
  #pending = new Set<string>()

  constructor(options: BackupLogsOptions) {
    const { fileSystem, root, withActivity } = options
    this.#options = options
    this.#view = new WalView(fileSystem, root, (path) => withActivity || !isActivityLog(path))
  }

  /** Reads the write-ahead log for the first time. */
  async begin(): Promise<void> {
    await this.#options.places.begin()
    await this.#view.refresh()
    this.#pending = this.#view.paths()
  }

  /** Copies some logs, named by their paths below the data directory. */
  async copy(paths: readonly string[]): Promise<void> {
    for (let from = 0; from < paths.length; from += mostAtOnce) await this.#copySome(paths.slice(from, from + mostAtOnce))
  }

  /** Copies the logs that have no own file yet, and ends. */
  async finish(): Promise<void> {
    const { root, places } = this.#options
    const rest: string[] = []
    for (const path of this.#pending) if (await isPlain(root, path)) rest.push(path)
    await this.copy(rest)
    for (const directory of new Set(rest.map((path) => dirname(path)))) await places.sync(directory)
    await places.finish()
  }

  /** Logs with a line that does not match its checksum. Together with the write-ahead log it may be whole: a move that a crash has cut off is done again. */
  get suspects(): ReadonlySet<string> {
    return this.#suspects
  }

  async close(): Promise<void> {
    await this.#view.close()
    await this.#options.places.close()
  }

  async #copySome(paths: readonly string[]): Promise<void> {
    for (const path of paths) this.#pending.delete(path)
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      this.#options.check()
      const own = await this.#open(paths)
      try {
        if (await this.#view.refresh()) {
          const found = paths.map((path, index) => ({ path, own: own[index], lines: this.#view.linesOf(path) }))
          const moments: PlacedMoment[] = []
          for (const moment of found) {
            const place = await this.#placeOf(moment)
            if (place === undefined) this.#options.onUnplaced(moment.path)
            else moments.push({ ...moment, place })
          }
          await settleAll(moments.map((moment) => this.#limiter.run(() => this.#copyOwnFile(moment))))
          for (const moment of moments) await this.#copyLines(moment)
          return
        }
      } finally {
        for (const opened of own) if (opened !== undefined) await this.#options.fileSystem.close(opened.descriptor)
      }
      // Fewer files are opened sooner.
      if (paths.length > 1) {
        const half = paths.length >> 1
        await this.#copySome(paths.slice(0, half))
        return await this.#copySome(paths.slice(half))
      }
    }
    throw new BeamClawError('store-io', 'The write-ahead log changes too fast to be copied. Try again when the gateway has less to do')
  }

  async #open(paths: readonly string[]): Promise<(OpenOwnFile | undefined)[]> {
    const { fileSystem, root } = this.#options
    const opened: (OpenOwnFile | undefined)[] = []
    try {
      for (const path of paths) {
        const file = join(root, path)
        // A file that takes the other of its two names between two looks is missed once.
        opened.push((await openOwnFile(fileSystem, file)) ?? (await openOwnFile(fileSystem, file)))
      }
      return opened
    } catch (error) {
      for (const one of opened) if (one !== undefined) await fileSystem.close(one.descriptor)
      throw error
    }
  }

  /** Resolves with where a log goes; a path that does not say it is that of a key that the lines have. */
  async #placeOf(moment: Moment): Promise<CopyPlace | undefined> {
    const { places } = this.#options
    const known = places.of(moment.path)
    if (known !== undefined) return known
    const key = (await this.#keyInOwnFile(moment)) ?? (await this.#keyInLines(moment))
    if (key !== undefined) places.learn(moment.path, key)
    return places.of(moment.path)
  }

  async #keyInOwnFile({ own }: Moment): Promise<StoreKey | undefined> {
    if (own === undefined) return undefined
    for await (const lines of ownFileLines(this.#options.fileSystem, own))
      for (const { head } of lines) if (head !== undefined) return JSON.parse(keyTextOf(head.key)) as StoreKey
    return undefined
  }

  async #keyInLines({ path, lines }: Moment): Promise<StoreKey | undefined> {
    const whole = lines.filter(({ kind }) => kind !== 'damaged').slice(0, 1)
    for await (const some of this.#view.read(path, whole))
      for (const { bytes } of some) {
        const head = readHead(bytes, 0, bytes.length - 1)
        if (head !== undefined) return JSON.parse(keyTextOf(head.key)) as StoreKey
      }
    return undefined
  }

  async #copyOwnFile({ path, own, lines, place }: PlacedMoment): Promise<void> {
    // Its own file is that of a log that was deleted, or all of it is in the lines.
    if (own === undefined || lines[0]?.kind === 'deleted') return
    const { fileSystem, onLog, check } = this.#options
    const { descriptor, size, generation } = own
    const to = join(place.path, ownFileName(path, generation))
    await place.directories.make(dirname(to))
    // Without lines in the write-ahead log the owner does not write to it: what is wrong with its end is damage, and the copy must not look whole.
    const isCutAtLine = lines.length > 0
    const bytes = await copyFile(fileSystem, { descriptor, size, isCutAtLine, onChunk: check }, to)
    if (await this.#hasDamagedLine(own)) this.#suspects.add(path)
    if (lines.length === 0) onLog(bytes)
    else this.#ownBytes.set(path, bytes)
  }

  /** Reads what was just copied once more, out of the memory of the system. */
  async #hasDamagedLine(own: OpenOwnFile): Promise<boolean> {
    for await (const lines of ownFileLines(this.#options.fileSystem, own)) {
      this.#options.check()
      if (lines.some(({ head }) => head === undefined)) return true
    }
    return false
  }

  async #copyLines({ path, lines, place }: PlacedMoment): Promise<void> {
    if (lines.some(({ kind }) => kind === 'damaged')) this.#suspects.add(path)
    let bytes = this.#ownBytes.get(path) ?? 0
    this.#ownBytes.delete(path)
    const kept = lines.filter(({ kind }) => kind !== 'deleted')
    for await (const some of this.#view.read(path, kept)) {
      this.#options.check()
      const joined = Buffer.concat(some.map(({ bytes: line }) => line))
      await place.wal.add(joined)
      bytes += joined.length
    }
    if (kept.length > 0) this.#options.onLog(bytes)
  }
}

/** Returns false when a name on the way to an own file is a symbolic link. */
async function isPlain(root: string, path: string): Promise<boolean> {
  const parents: string[] = []
  for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) parents.push(parent)
  for (const name of [...parents, ...ownFileNames(path)]) {
    const found = await lstat(join(root, name)).catch((error: unknown) => {
      if (!isAbsent(error)) throw error
      return undefined
    })
    if (found?.isSymbolicLink() === true) return false
  }
  return true
}
