/** Puts lines of a log into its own file: behind what is there, or into a new generation of the file. */
import { dirname, join } from 'node:path'
import type { DirectoryMaker } from './atomic-write.ts'
import { removeAsOwner, removeIfThere, syncAfterRemoval, syncDirectory, writeFully } from './atomic-write.ts'
import { readAt } from './backward-scan.ts'
import { readExtents } from './extent-reader.ts'
import { fenced, systemCode } from './failures.ts'
import type { Witness } from './file-system.ts'
import { forEachLine } from './forward-scan.ts'
import type { Files } from './log-reader.ts'
import type { Extent, LogState } from './log-state.ts'
import type { OpenSegments } from './open-segments.ts'
import { encodeOwnHeader, headerLength, noOwnFile, type OwnFile, ownFileName, ownFileNames } from './own-file.ts'
import { isIntact, lineEnd, readHead } from './wal-line.ts'

/** What writing own files needs. */
export interface OwnFileWriting extends Files {
  readonly directories: DirectoryMaker
  /** The open segment whose seal tells that a later owner has the directory. */
  readonly witness: Witness
  readonly newTemporary: () => string
  /** Old generations that could not be removed when they were replaced. */
  readonly leftBehind: Set<string>
  /** Segments that are open already. */
  readonly segments?: OpenSegments
  /** False when an earlier owner may still be alive, and writing: then a file that it may have open is not gone on with. */
  readonly isAlone: boolean
}

/** A file that was written and is not synced yet. */
export interface WrittenFile {
  readonly own: OwnFile
  readonly descriptor: number
  /** True when its name is new. */
  readonly isNew: boolean
}

/** Writes `extents` behind the own file of a log whose tail was loaded; the caller syncs and closes the file. Returns what counts of it when all of that was done already. */
export async function writeOwnFile(writing: OwnFileWriting, state: LogState, extents: readonly Extent[]): Promise<WrittenFile | OwnFile> {
  const own = state.own ?? noOwnFile
  const isDrop = extents.some(({ kind }) => kind === 'drop')
  if (isDrop || (state.isReplayed && !writing.isAlone && own.generation > 0)) return await rewriteOwnFile(writing, state, extents)
  const opened = await openForAppend(writing, state.path, own)
  if (opened === undefined) return await rewriteOwnFile(writing, state, extents)
  const { descriptor, isNew, isCreated } = opened
  try {
    if (!writing.fileSystem.isUnsealed(writing.witness())) throw fenced()
    if (!isCreated) await cutBack(writing, descriptor, own.bytes)
    const bytes = await copyExtents(writing, descriptor, own.bytes, extents)
    return { own: { generation: Math.max(1, own.generation), bytes, lastSeq: lastSeqOf(own.lastSeq, extents) }, descriptor, isNew }
  } catch (error) {
    await writing.fileSystem.close(descriptor)
    throw error
  }
}

/** Removes a generation that counts no more, durably. May be repeated: an earlier try may have failed before its sync. */
export async function removeOldGeneration({ fileSystem, witness }: OwnFileWriting, file: string): Promise<void> {
  await removeAsOwner(fileSystem, file, witness)
  await syncAfterRemoval(fileSystem, dirname(file))
}

/** Removes the own files of a log, durably. */
export async function removeOwnFiles({ fileSystem, witness, leftBehind }: OwnFileWriting, path: string): Promise<void> {
  for (const name of ownFileNames(path)) {
    await removeAsOwner(fileSystem, name, witness)
    leftBehind.delete(name)
  }
  // Also when they are gone already: an earlier try may have failed before its sync.
  await syncAfterRemoval(fileSystem, dirname(path))
}

async function openForAppend(
  { fileSystem, directories, leftBehind, isAlone }: OwnFileWriting,
  path: string,
  own: OwnFile,
): Promise<{ readonly descriptor: number; readonly isNew: boolean; readonly isCreated: boolean } | undefined> {
  const file = ownFileName(path, Math.max(1, own.generation))
  // The name is used again.
  leftBehind.delete(file)
  // Without O_CREAT: a file that a later owner removed does not come back.
  if (own.generation > 0) return { descriptor: await fileSystem.open(file, 'r+'), isNew: false, isCreated: false }
  try {
    return { descriptor: await directories.within(dirname(path), () => fileSystem.open(file, 'wx')), isNew: true, isCreated: true }
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
  // A move that failed left it; or an earlier owner, which may still write to it.
  return isAlone ? { descriptor: await fileSystem.open(file, 'r+'), isNew: true, isCreated: false } : undefined
}

/** Removes what a move that did not end left behind the bytes that count. */
async function cutBack({ fileSystem, witness }: OwnFileWriting, descriptor: number, bytes: number): Promise<void> {
  if ((await fileSystem.size(descriptor)) <= bytes) return
  if (!(await fileSystem.truncate(descriptor, bytes, witness))) throw fenced()
}

async function copyExtents(
  { fileSystem, wal, segments }: OwnFileWriting,
  descriptor: number,
  from: number,
  extents: readonly Extent[],
): Promise<number> {
  let position = from
  for await (const some of readExtents(fileSystem, wal, extents, segments)) {
    const bytes = Buffer.concat(some.flatMap((read) => (read.bytes.at(-1) === 0x0a ? [read.bytes] : [read.bytes, Buffer.from('\n')])))
    await writeFully(fileSystem, descriptor, bytes, position)
    position += bytes.length
  }
  return position
}

/** Writes the next generation under a temporary name, and gives it its own name when it is whole and durable. */
async function rewriteOwnFile(writing: OwnFileWriting, state: LogState, extents: readonly Extent[]): Promise<OwnFile> {
  const { fileSystem, directories, newTemporary, witness } = writing
  const own = state.own ?? noOwnFile
  const directory = dirname(state.path)
  const temporary = join(directory, newTemporary())
  const taken = own.generation === 0 && !writing.isAlone ? 1 : own.generation
  const generation = taken + 1
  const descriptor = await directories.within(directory, () => fileSystem.open(temporary, 'wx'))
  let bytes: number
  try {
    try {
      const header = encodeOwnHeader(generation, state.key)
      await writeFully(fileSystem, descriptor, header, 0)
      bytes = await copyLog(writing, state, own, extents, descriptor, header.length)
      await fileSystem.sync(descriptor)
    } finally {
      await fileSystem.close(descriptor)
    }
    const file = ownFileName(state.path, generation)
    // Only an older generation, which counts no more, can have the name.
    await removeAsOwner(fileSystem, file, witness)
    writing.leftBehind.delete(file)
    if (!(await fileSystem.link(temporary, file, witness))) throw fenced()
  } finally {
    await removeIfThere(fileSystem, temporary)
  }
  await syncDirectory(fileSystem, directory)
  if (!fileSystem.isUnsealed(witness())) throw fenced()
  const old = ownFileName(state.path, generation + 1)
  try {
    await removeOldGeneration(writing, old)
  } catch {
    // The new one counts. The mover tries again: the old one holds what was dropped.
    writing.leftBehind.add(old)
  }
  return { generation, bytes, lastSeq: lastSeqOf(own.lastSeq, extents) }
}

async function copyLog(
  files: Files,
  { path, droppedSeq }: LogState,
  own: OwnFile,
  extents: readonly Extent[],
  descriptor: number,
  from: number,
): Promise<number> {
  const { fileSystem } = files
  const drop = extents.findLastIndex(({ kind }) => kind === 'drop')
  const dropped = drop < 0 ? 0 : droppedSeq
  const out = new LineWriter(files, descriptor, from)
  for await (const some of readExtents(fileSystem, files.wal, extents.slice(Math.max(drop, 0), drop + 1)))
    for (const { bytes } of some) await out.add(bytes)
  if (own.generation > 0) {
    const source = await fileSystem.open(ownFileName(path, own.generation), 'r')
    try {
      const start = headerLength(await readAt(fileSystem, source, 0, Math.min(own.bytes, 32 * 1024)))
      const lines: Buffer[] = []
      await forEachLine(
        fileSystem,
        source,
        start,
        own.bytes,
        (block, lineStart, end) => {
          if (drop < 0 || isLaterRecord(block, lineStart, end, dropped)) lines.push(Buffer.from(block.subarray(lineStart, end + 1)))
          return false
        },
        { afterChunk: async () => void (await out.add(Buffer.concat(lines.splice(0)))) },
      )
      await out.add(Buffer.concat(lines))
    } finally {
      await fileSystem.close(source)
    }
  }
  let index = -1
  for await (const some of readExtents(fileSystem, files.wal, extents)) {
    for (const { extent, bytes } of some) {
      index += 1
      if (index > drop && extent.kind !== 'record') await out.add(bytes)
      else if (extent.kind === 'record' && extent.lastSeq > dropped) await out.add(laterRecords(bytes, dropped))
    }
  }
  return out.position
}

class LineWriter {
  position: number
  readonly #files: Files
  readonly #descriptor: number

  constructor(files: Files, descriptor: number, position: number) {
    this.#files = files
    this.#descriptor = descriptor
    this.position = position
  }

  async add(bytes: Buffer): Promise<void> {
    await writeFully(this.#files.fileSystem, this.#descriptor, bytes, this.position)
    this.position += bytes.length
    // A damaged line may have lost its newline.
    if (bytes.length > 0 && bytes.at(-1) !== 0x0a) await this.add(Buffer.from('\n'))
  }
}

/** A line that is damaged stays: the log must not look whole without it. */
function isLaterRecord(bytes: Buffer, start: number, end: number, seq: number): boolean {
  const head = isIntact(bytes, start, end) ? readHead(bytes, start, end) : undefined
  return head === undefined || (head.kind === 'record' && head.seq > seq)
}

function laterRecords(bytes: Buffer, seq: number): Buffer {
  let start = 0
  for (let end = lineEnd(bytes, start); end >= 0; end = lineEnd(bytes, start)) {
    if (isLaterRecord(bytes, start, end, seq)) break
    start = end + 1
  }
  return bytes.subarray(start)
}

function lastSeqOf(before: number, extents: readonly Extent[]): number {
  let last = before
  for (const { kind, lastSeq } of extents) if (kind === 'record' || kind === 'drop') last = Math.max(last, lastSeq)
  return last
}
