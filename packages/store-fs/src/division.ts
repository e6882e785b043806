/** Copies a data directory into several, by the key of what is in it. */
import { dirname, join, relative, sep } from 'node:path'
import { BeamClawError, type StoreKey } from '@beamclaw/core'
import { aFunction, anArray, anObject, anObjectWith, checkOptions } from '@beamclaw/core/adapter'
import { DirectoryMaker } from './atomic-write.ts'
import { type BackupProgress, type BackupResult, dataDirectory } from './backup.ts'
import { CopyPlaces } from './copy-places.ts'
import { DirectoryCopy } from './directory-copy.ts'
import { storeFailure } from './failures.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { type DirectoryMeasure, measureDirectory } from './measured-directory.ts'
import { aPath } from './options.ts'
import { listSegments, sealSegments, walDirectoryName } from './wal-segments.ts'

/** Options of `divideDirectory`. */
export interface DivideDirectoryOptions {
  /** The data directory. The caller has its lock: see `lockDirectory`. */
  readonly from: string
  /** The directories to make, in the data directory or elsewhere on its file system; the one around them must exist. */
  readonly into: readonly string[]
  /** Returns which of them has a key. What belongs together, such as a session with its settings and attachments, must be in one. */
  readonly indexOf: (key: StoreKey) => number
  /** Ends the copy: the promise rejects with its reason. */
  readonly signal?: AbortSignal
  /** Called after each file and each log. An error that it throws ends the copy. */
  readonly onProgress?: (progress: BackupProgress) => void
  /** The operating system calls, replaced by tests that make them fail. @default nodeFileSystem */
  readonly fileSystem?: FileSystem
}

/** Options of `measureDivision`. */
export type MeasureDivisionOptions = Pick<DivideDirectoryOptions, 'from' | 'signal' | 'fileSystem'>

/**
 * Copies a data directory into several others, each of them a data directory when the promise resolves, and durable. Nothing of the directory itself changes,
 * but that its write-ahead log is closed to an owner that has lost its lock. Logs keep their epochs, documents their versions; the index of sessions is left out:
 * the next start makes it anew. What is left when it rejects is for the caller to remove. Rejects `invalid-option` (`from` is no data directory), `store-full`,
 * `store-io`, and `log-corrupt` when nothing says whose lines of the write-ahead log are lost.
 *
 * @example
 * await divideDirectory({ from: './data', into: ['./even', './odd'], indexOf: ([, , , id = '']) => id.length % 2 })
 */
export async function divideDirectory(options: DivideDirectoryOptions): Promise<BackupResult> {
  checkOptions<DivideDirectoryOptions>(
    'divideDirectory',
    options,
    {
      from: aPath,
      into: anArray,
      indexOf: aFunction,
      signal: anObjectWith('throwIfAborted'),
      onProgress: aFunction,
      fileSystem: anObject,
    },
    ['from', 'into', 'indexOf'],
  )
  const { from, into, indexOf, signal, onProgress, fileSystem = nodeFileSystem } = options
  signal?.throwIfAborted()
  try {
    const root = await dataDirectory(from)
    for (const path of into) await new DirectoryMaker(fileSystem, dirname(path)).make(path)
    const wal = join(root, walDirectoryName)
    await sealSegments(fileSystem, wal, await listSegments(fileSystem, wal))
    const places = new CopyPlaces(fileSystem, into, indexOf)
    const copy = new DirectoryCopy({
      fileSystem,
      root,
      places,
      withActivity: true,
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    })
    const result = await copy.run()
    const isTarget = targetsIn(root, into)
    return { ...result, leftOut: result.leftOut.filter((name) => !isTarget(name)) }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason
    throw storeFailure(error, `dividing ${from}`)
  }
}

/**
 * Counts what `divideDirectory` would copy, beside the owner of the directory and without changing anything. Rejects `invalid-option`, also for what it would
 * not copy and its owner may need: symbolic links and journals of an earlier release; and `store-io`.
 *
 * @example
 * const { bytes } = await measureDivision({ from: './data' })
 */
export async function measureDivision(options: MeasureDivisionOptions): Promise<DirectoryMeasure> {
  const rules = { from: aPath, signal: anObjectWith('throwIfAborted'), fileSystem: anObject }
  checkOptions<MeasureDivisionOptions>('measureDivision', options, rules, ['from'])
  const { from, signal, fileSystem = nodeFileSystem } = options
  signal?.throwIfAborted()
  try {
    const root = await dataDirectory(from)
    const measure = await measureDirectory(fileSystem, root, signal)
    const [obstacle] = measure.obstacles
    if (obstacle === undefined) return measure
    const problem = `${join(root, obstacle)} is a symbolic link, or a journal of an earlier release`
    throw new BeamClawError('invalid-option', `${problem}, which would stay behind. Put what it stands for in its place`)
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason
    throw storeFailure(error, `looking over ${from}`)
  }
}

/** Returns what is true for a name at the root that leads to one of the directories. */
function targetsIn(root: string, into: readonly string[]): (name: string) => boolean {
  const first = new Set(into.map((path) => relative(root, path).split(sep)[0]))
  return (name) => first.has(name)
}
