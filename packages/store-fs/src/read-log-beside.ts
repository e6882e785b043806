/** Reads one log beside its owner, line by line, for people and tools that look into a data directory. */
import { join, relative, resolve } from 'node:path'
import { BeamClawError, type StoreKey } from '@beamclaw/core'
import { anArray, anObject, checkOptions, checkStoreKey, integer } from '@beamclaw/core/adapter'
import { isAbsent } from './atomic-write.ts'
import { storeFailure } from './failures.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { encodePart } from './key-path.ts'
import type { LogLine } from './log-line.ts'
import { LogOrder } from './log-order.ts'
import { aPath } from './options.ts'
import { type OpenOwnFile, openOwnFile } from './own-file.ts'
import { type OwnFileLine, ownFileLines } from './own-file-lines.ts'
import { parseRecord, parseSnapshot } from './parsed-line.ts'
import { segmentPath, walDirectoryName } from './wal-segments.ts'
import { type ReadLine, WalView } from './wal-view.ts'

/** Options of `readLogBeside`. */
export interface ReadLogBesideOptions {
  /** The data directory. */
  readonly path: string
  readonly key: StoreKey
  /** Records and snapshots before this one are left out. @default 1 */
  readonly fromSeq?: number
  /** The operating system calls, replaced by tests that make them fail. @default nodeFileSystem */
  readonly fileSystem?: FileSystem
}

const mostAttempts = 1_000

/**
 * Reads one log while its owner runs and writes, from any process: without the lock, and without creating or changing a file. Gives the lines in order, each
 * once: records and snapshots as they were at one moment, damaged lines where they are. Gives nothing for a log that does not exist. Holds little more than one
 * line in memory. Rejects `invalid-option`, `invalid-id`, `store-io`, and `log-corrupt` when the write-ahead log is damaged so that nothing says whose lines are
 * lost.
 *
 * @example
 * for await (const line of readLogBeside({ path: './data', key: [defaultTenant, 'diary'] })) console.log(line.kind)
 */
export async function* readLogBeside(options: ReadLogBesideOptions): AsyncGenerator<LogLine> {
  checkOptions<ReadLogBesideOptions>('readLogBeside', options, { path: aPath, key: anArray, fromSeq: integer(1), fileSystem: anObject }, [
    'path',
    'key',
  ])
  const { path, key, fromSeq = 1, fileSystem = nodeFileSystem } = options
  checkStoreKey(key, 1)
  const root = resolve(path)
  const name = join(...key.map(encodePart))
  const view = new WalView(fileSystem, root, (one) => one === name)
  let own: OpenOwnFile | undefined
  try {
    own = await openAtOneMoment(fileSystem, join(root, name), view)
    yield* linesAtOneMoment({ fileSystem, root, name, keyJson: JSON.stringify(key), fromSeq, view, own })
  } catch (error) {
    // Without a write-ahead log there is no store.
    if (isAbsent(error)) return
    throw storeFailure(error, `reading ${join(root, name)}`)
  } finally {
    if (own !== undefined) await fileSystem.close(own.descriptor)
    await view.close()
  }
}

/** Opens the own file, and then reads the write-ahead log, with no segment gone in between. */
async function openAtOneMoment(fileSystem: FileSystem, path: string, view: WalView): Promise<OpenOwnFile | undefined> {
  await view.refresh()
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const own = (await openOwnFile(fileSystem, path)) ?? (await openOwnFile(fileSystem, path))
    try {
      if (await view.refresh()) return own
    } catch (error) {
      if (own !== undefined) await fileSystem.close(own.descriptor)
      throw error
    }
    if (own !== undefined) await fileSystem.close(own.descriptor)
  }
  throw new BeamClawError('store-io', 'The write-ahead log changes too fast to be read. Try again when the gateway has less to do')
}

interface Opened {
  readonly fileSystem: FileSystem
  readonly root: string
  readonly name: string
  readonly keyJson: string
  readonly fromSeq: number
  readonly view: WalView
  readonly own: OpenOwnFile | undefined
}

async function* linesAtOneMoment({ fileSystem, root, name, keyJson, fromSeq, view, own }: Opened): AsyncGenerator<LogLine> {
  const lines = view.linesOf(name).filter(({ kind }) => kind !== 'deleted')
  const isStale = view.linesOf(name)[0]?.kind === 'deleted'
  const order = new LogOrder(lines, keyJson, fromSeq)
  if (own !== undefined && !isStale) {
    const file = relative(root, own.file)
    reading: for await (const some of ownFileLines(fileSystem, own)) {
      for (const line of some) {
        const taken = order.takeOwn(line.head, { kind: 'damaged', file, offset: line.offset, line: line.number })
        yield* taken.before
        if (taken.isShown) yield fromOwnFile(line)
        if (taken.isEnd) break reading
      }
    }
    yield* order.endOwn()
  }
  for await (const some of view.read(name, lines)) {
    for (const read of some) {
      const file = relative(root, segmentPath(join(root, walDirectoryName), read.line.segment))
      const taken = order.takeWal(read.line, { kind: 'damaged', file, offset: read.line.offset, line: undefined })
      yield* taken.before
      if (taken.isShown) yield fromWal(read)
    }
  }
}

function fromOwnFile({ bytes, head }: OwnFileLine): LogLine {
  return shownLine(bytes, head?.kind === 'drop', head?.kind === 'record')
}

function fromWal({ bytes, line }: ReadLine): LogLine {
  return shownLine(bytes.subarray(0, -1), line.kind === 'drop', line.kind === 'record')
}

function shownLine(bytes: Buffer, isDrop: boolean, isRecord: boolean): LogLine {
  if (isRecord) return { kind: 'record', record: parseRecord(bytes, 0, bytes.length) }
  return { kind: 'snapshot', isDrop, bytes: bytes.length + 1, ...parseSnapshot(bytes, 0, bytes.length) }
}
