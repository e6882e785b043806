/** Looks over a data directory beside its owner: what is in it, and what of it is damaged. */
import { stat } from 'node:fs/promises'
import { basename, join, resolve, sep } from 'node:path'
import { BeamClawError } from '@beamclaw/core'
import { aFunction, anObject, checkOptions, integer } from '@beamclaw/core/adapter'
import { isAbsent } from './atomic-write.ts'
import { walkDataDirectory } from './backup-walk.ts'
import { readDocument } from './document-file.ts'
import { storeFailure } from './failures.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import type { DamagedLine } from './log-line.ts'
import { aPath } from './options.ts'
import { openOwnFile, ownFileNames } from './own-file.ts'
import { ownFileLines } from './own-file-lines.ts'
import { listSegments, segmentPath, walDirectoryName } from './wal-segments.ts'
import { WalView } from './wal-view.ts'

/** A file that is damaged. `line` and `offset` say where; both are absent for a document. */
export interface SurveyDamage extends Partial<Pick<DamagedLine, 'line' | 'offset'>> {
  /** The file in the data directory. */
  readonly file: string
}

/** What is in a data directory. All numbers are lower bounds when `isWhole` is false. */
export interface DirectorySurvey {
  /** `missing`: there is no data directory. `earlier`: there are sessions of a release before the write-ahead log. `later`: this release cannot read it. */
  readonly format: 'missing' | 'current' | 'earlier' | 'later'
  readonly sessions: number
  /** Logs that have an own file or lines in the write-ahead log. */
  readonly logs: number
  readonly documents: number
  /** Bytes of the write-ahead log. */
  readonly walBytes: number
  /** Bytes of own files. */
  readonly ownBytes: number
  /** Bytes whose checksums were looked at. */
  readonly checkedBytes: number
  /** At most 100. */
  readonly damaged: readonly SurveyDamage[]
  /** False when the time was up first. */
  readonly isWhole: boolean
}

/** Options of `surveyDirectory`. */
export interface SurveyOptions {
  /** The data directory. */
  readonly path: string
  /** Milliseconds after which it ends with what it has seen. @default 10000 */
  readonly maxMs?: number
  /** Called after each file whose checksums were looked at. */
  readonly onProgress?: (survey: DirectorySurvey) => void
  /** The operating system calls, replaced by tests that make them fail. @default nodeFileSystem */
  readonly fileSystem?: FileSystem
}

const mostDamaged = 100
const manifest = /^MANIFEST-[0-9]+$/

/**
 * Counts what is in a data directory and looks for damage, for a bounded time, from any process: without the lock, and without creating or changing a file.
 * Rejects `invalid-option` and `store-io`; damage is a part of the result.
 *
 * @example
 * const { sessions, damaged } = await surveyDirectory({ path: './data' })
 */
export async function surveyDirectory(options: SurveyOptions): Promise<DirectorySurvey> {
  checkOptions<SurveyOptions>('surveyDirectory', options, { path: aPath, maxMs: integer(1), onProgress: aFunction, fileSystem: anObject }, [
    'path',
  ])
  const { path, maxMs = 10_000, onProgress, fileSystem = nodeFileSystem } = options
  try {
    return await new Survey(fileSystem, resolve(path), performance.now() + maxMs, onProgress).run()
  } catch (error) {
    throw storeFailure(error, `looking over ${path}`)
  }
}

/** Counts first, which costs little, and then looks at checksums as long as there is time. */
class Survey {
  readonly #fileSystem: FileSystem
  readonly #root: string
  readonly #endAt: number
  readonly #onProgress: ((survey: DirectorySurvey) => void) | undefined
  readonly #view: WalView
  readonly #damaged: SurveyDamage[] = []
  #found: Omit<DirectorySurvey, 'damaged'> = {
    format: 'current',
    sessions: 0,
    logs: 0,
    documents: 0,
    walBytes: 0,
    ownBytes: 0,
    checkedBytes: 0,
    isWhole: true,
  }

  constructor(fileSystem: FileSystem, root: string, endAt: number, onProgress: ((survey: DirectorySurvey) => void) | undefined) {
    this.#fileSystem = fileSystem
    this.#root = root
    this.#endAt = endAt
    this.#onProgress = onProgress
    this.#view = new WalView(fileSystem, root)
  }

  async run(): Promise<DirectorySurvey> {
    try {
      await this.#readWal()
      if (this.#found.format === 'later') return this.#result
      await this.#count()
      if (this.#found.format === 'current') await this.#check()
      return this.#result
    } finally {
      await this.#view.close()
    }
  }

  get #result(): DirectorySurvey {
    return { ...this.#found, damaged: [...this.#damaged] }
  }

  async #readWal(): Promise<void> {
    try {
      await this.#view.refresh()
      for (const number of await listSegments(this.#fileSystem, join(this.#root, walDirectoryName)))
        this.#add({ walBytes: await this.#sizeOf(segmentPath(join(this.#root, walDirectoryName), number)) })
      this.#found = { ...this.#found, checkedBytes: this.#found.walBytes }
    } catch (error) {
      if (isAbsent(error)) this.#found = { ...this.#found, format: 'missing' }
      else if (!BeamClawError.isInstance(error, 'log-corrupt')) throw error
      else if (String(error.details.problem).startsWith('version ')) this.#found = { ...this.#found, format: 'later' }
      else this.#damage({ file: join(walDirectoryName, basename(String(error.details.file))), offset: Number(error.details.offset) })
    }
    for (const path of this.#view.paths())
      for (const { kind, segment, offset } of this.#view.linesOf(path))
        if (kind === 'damaged') this.#damage({ file: segmentPath(walDirectoryName, segment), offset })
  }

  async #count(): Promise<void> {
    const inWal = this.#view.paths()
    for await (const { logs, documents, unknown } of walkDataDirectory(this.#root)) {
      if (unknown.some((name) => manifest.test(basename(name)))) this.#found = { ...this.#found, format: 'earlier' }
      this.#add({ documents: documents.length })
      for (const path of logs) {
        if (this.#isLate()) return
        if (!inWal.delete(path)) this.#addLog(path)
        else if (this.#isThere(path)) this.#addLog(path)
        for (const name of ownFileNames(path)) this.#add({ ownBytes: await this.#sizeOf(join(this.#root, name)) })
      }
    }
    for (const path of inWal) if (this.#isThere(path)) this.#addLog(path)
  }

  async #check(): Promise<void> {
    for await (const { logs, documents } of walkDataDirectory(this.#root)) {
      for (const file of documents) {
        if (this.#isLate()) return
        await this.#checkDocument(file)
      }
      for (const path of logs) {
        if (this.#isLate()) return
        await this.#checkLog(path)
      }
    }
  }

  async #checkDocument(file: string): Promise<void> {
    const path = join(this.#root, file)
    try {
      await readDocument(this.#fileSystem, path)
    } catch (error) {
      if (!BeamClawError.isInstance(error, 'log-corrupt')) throw error
      this.#damage({ file })
    }
    this.#checked(await this.#sizeOf(path))
  }

  async #checkLog(path: string): Promise<void> {
    const own = await openOwnFile(this.#fileSystem, join(this.#root, path))
    if (own === undefined) return
    const file = own.file.slice(this.#root.length + 1)
    try {
      for await (const lines of ownFileLines(this.#fileSystem, own)) {
        for (const { head, number, offset, bytes } of lines) {
          const isLast = offset + bytes.length >= own.size
          if (head === undefined && !(isLast && (await this.#isMoving(path, own.descriptor, own.size))))
            this.#damage({ file, line: number, offset })
        }
        if (this.#isLate()) return
      }
      this.#checked(own.size)
    } finally {
      await this.#fileSystem.close(own.descriptor)
    }
  }

  /** Returns true when the end of an own file is being written: its lines are in the write-ahead log, or whole by now. */
  async #isMoving(path: string, descriptor: number, size: number): Promise<boolean> {
    await this.#view.refresh()
    return this.#view.linesOf(path).length > 0 || (await this.#fileSystem.size(descriptor)) > size
  }

  #isThere(path: string): boolean {
    const lines = this.#view.linesOf(path)
    return lines.length === 0 || lines.some(({ kind }) => kind !== 'deleted')
  }

  #addLog(path: string): void {
    const parts = path.split(sep)
    this.#add({ logs: 1, sessions: parts.length === 4 && parts[1] === 'sessions' ? 1 : 0 })
  }

  #checked(bytes: number): void {
    this.#add({ checkedBytes: bytes })
    this.#onProgress?.(this.#result)
  }

  #damage(damage: SurveyDamage): void {
    if (this.#damaged.length < mostDamaged) this.#damaged.push(damage)
  }

  #add(more: Partial<Record<'sessions' | 'logs' | 'documents' | 'walBytes' | 'ownBytes' | 'checkedBytes', number>>): void {
    for (const [name, count] of Object.entries(more) as [keyof typeof more, number][])
      this.#found = { ...this.#found, [name]: this.#found[name] + count }
  }

  #isLate(): boolean {
    const isLate = performance.now() > this.#endAt
    if (isLate) this.#found = { ...this.#found, isWhole: false }
    return isLate
  }

  /** Resolves with 0 for a file that is gone. */
  async #sizeOf(path: string): Promise<number> {
    try {
      return (await stat(path)).size
    } catch (error) {
      if (isAbsent(error)) return 0
      throw error
    }
  }
}
