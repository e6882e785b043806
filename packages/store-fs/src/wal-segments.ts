/** The segment files of the write-ahead log: names, headers, and how the next owner takes them over. */
import { join } from 'node:path'
import { isAbsent, removeIfThere, syncDirectory, writeFully, writeNew } from './atomic-write.ts'
import { readAt } from './backward-scan.ts'
import { fenced, logCorrupt, systemCode } from './failures.ts'
import type { FileSystem, Witness } from './file-system.ts'
import type { SyncMode } from './options.ts'
import { encodeOtherLine, isIntact, lineEnd, lineStart } from './wal-line.ts'

/** The directory of the write-ahead log, in the data directory. No part of a key is encoded as this name. */
export const walDirectoryName = 'wal'

/** The first line of a segment. */
export interface SegmentHeader {
  readonly wal: 1
  readonly number: number
  /** The segment before it, and how many of its bytes count. */
  readonly previous: number
  readonly bytes: number
}

/** A segment that is being written. */
export interface CurrentSegment {
  readonly number: number
  readonly descriptor: number
  /** Bytes that count. */
  bytes: number
}

const headerBytes = 256
const segmentName = /^([0-9]{8,})\.jsonl$/

/** Returns the path of a segment. */
export function segmentPath(directory: string, number: number): string {
  return join(directory, `${String(number).padStart(8, '0')}.jsonl`)
}

/** Resolves with the numbers of the segments, ascending. */
export async function listSegments(fileSystem: FileSystem, directory: string): Promise<number[]> {
  const entries = await fileSystem.list(directory)
  const numbers = entries.flatMap(({ name }) => {
    const match = segmentName.exec(name)
    return match === null ? [] : [Number(match[1])]
  })
  return numbers.sort((a, b) => a - b)
}

/**
 * Returns the header that a segment begins with and its length, or undefined when it is damaged or was never written. Throws `log-corrupt` for one of a later
 * version.
 */
function readSegmentHeader(file: string, bytes: Buffer): { readonly header: SegmentHeader; readonly length: number } | undefined {
  const end = lineEnd(bytes, 0)
  if (end < 0 || !isIntact(bytes, 0, end)) return undefined
  const header = JSON.parse(bytes.toString('utf8', 0, end)) as Omit<SegmentHeader, 'wal'> & { readonly wal?: unknown }
  if (header.wal === undefined) return undefined
  if (header.wal === 1) return { header: { ...header, wal: 1 }, length: end + 1 }
  throw logCorrupt(file, 0, `version ${String(header.wal)} of the write-ahead log is unknown to this release, which reads version 1`)
}

/** No header has more bytes, and a header with a line behind it has more. */
export const longestHeader = 128

/**
 * Returns where the lines of a segment begin. A damaged header ends at its newline or, when that is gone, where a line begins; when neither is near, lines may be
 * damaged too, and the walk begins with it: then nothing says whose they are.
 */
export function linesStart(file: string, bytes: Buffer): number {
  const read = readSegmentHeader(file, bytes)
  if (read !== undefined) return read.length
  const ends = [lineEnd(bytes, 0) + 1, bytes.indexOf(lineStart)].filter((end) => end > 0 && end <= longestHeader)
  return ends.length === 0 ? 0 : Math.min(...ends)
}

/**
 * Creates a segment exclusively; undefined when it exists already. Rejects `fenced` when there is a later one: a later owner wrote it.
 */
export async function claimSegment(fileSystem: FileSystem, directory: string, number: number, sync: SyncMode): Promise<number | undefined> {
  let descriptor: number
  try {
    descriptor = await fileSystem.open(segmentPath(directory, number), sync === 'os' ? 'wx' : 'wxd')
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return undefined
    throw error
  }
  try {
    const numbers = await listSegments(fileSystem, directory)
    if ((numbers.at(-1) ?? 0) > number) throw fenced('a later owner has the data directory')
    return descriptor
  } catch (error) {
    await abandonSegment(fileSystem, directory, number, descriptor)
    throw error
  }
}

/**
 * Closes a segment whose header was never durable, and removes it. One that a later owner has sealed stays: it may have read its header and name it in its own,
 * and one that it removed may have given its name to another.
 */
export async function abandonSegment(fileSystem: FileSystem, directory: string, number: number, descriptor: number): Promise<void> {
  try {
    await fileSystem.unlink(segmentPath(directory, number), () => descriptor)
  } catch (error) {
    if (!isAbsent(error)) throw error
  } finally {
    await fileSystem.close(descriptor)
  }
}

/** Writes the header of a claimed segment; it and its name are durable when the promise resolves. */
export async function beginSegment(
  fileSystem: FileSystem,
  directory: string,
  descriptor: number,
  header: Omit<SegmentHeader, 'wal'>,
): Promise<CurrentSegment> {
  const line = Buffer.from(encodeOtherLine({ wal: 1, ...header }))
  await writeFully(fileSystem, descriptor, line, 0)
  await fileSystem.sync(descriptor)
  await syncDirectory(fileSystem, directory)
  if (!fileSystem.isUnsealed(descriptor)) throw fenced('a later owner has the data directory')
  return { number: header.number, descriptor, bytes: line.length }
}

/** Removes the permission to write from segments, so that their writers acknowledge nothing more. */
export async function sealSegments(fileSystem: FileSystem, directory: string, numbers: readonly number[]): Promise<void> {
  for (const number of numbers) {
    try {
      await fileSystem.seal(segmentPath(directory, number))
    } catch (error) {
      // Its writer abandoned it.
      if (!isAbsent(error)) throw error
    }
  }
}

/** A segment that may still be written, if the file modes allow it. */
export interface OpenTail {
  readonly number: number
  readonly descriptor: number
  readonly isWritable: boolean
}

/** Opens a segment, before it is sealed, for cutting it. */
export async function openTail(fileSystem: FileSystem, directory: string, number: number): Promise<OpenTail> {
  const path = segmentPath(directory, number)
  try {
    return { number, descriptor: await fileSystem.open(path, 'r+'), isWritable: true }
  } catch (error) {
    if (systemCode(error) !== 'EACCES' && systemCode(error) !== 'EPERM') throw error
    return { number, descriptor: await fileSystem.open(path, 'r'), isWritable: false }
  }
}

/** Sets the torn end of a segment aside and cuts it off, then makes the rest durable: its writer may have died before its sync. */
export async function cutTail(
  fileSystem: FileSystem,
  directory: string,
  { number, descriptor, isWritable }: OpenTail,
  good: number,
  witness: Witness,
): Promise<void> {
  const size = await fileSystem.size(descriptor)
  if (good < size) {
    const torn = await readAt(fileSystem, descriptor, good, size - good)
    const aside = `${segmentPath(directory, number)}.torn`
    await removeIfThere(fileSystem, aside)
    await writeNew(fileSystem, aside, torn)
    if (isWritable) await fileSystem.truncate(descriptor, good, witness)
  }
  await fileSystem.datasync(descriptor)
}

/** Resolves with the header of a segment; undefined when it has none that can be read, or is gone. */
export async function headerOf(fileSystem: FileSystem, directory: string, number: number): Promise<SegmentHeader | undefined> {
  let descriptor: number
  try {
    descriptor = await fileSystem.open(segmentPath(directory, number), 'r')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
  try {
    return readSegmentHeader(segmentPath(directory, number), await readAt(fileSystem, descriptor, 0, headerBytes))?.header
  } finally {
    await fileSystem.close(descriptor)
  }
}
