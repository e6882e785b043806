/** The stamp of the index of sessions: size and checksum of its file when it was closed in order, so that no byte that has changed since is believed. */
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { isAbsent, replaceFile, syncDirectory } from './atomic-write.ts'
import { readAt } from './backward-scan.ts'
import { systemCode } from './failures.ts'
import type { FileSystem } from './file-system.ts'
import { isInTheWay } from './index-failures.ts'
import { removeOrSetAside } from './set-aside.ts'

/** What a stamp says of the file beside it. */
export interface IndexStamp {
  readonly size: number
  readonly crc32: string
}

/** How a file of the index that is closed compares with its stamp: `none` when there is no stamp that counts. */
export type StampCondition = 'none' | 'equal' | 'changed'

/** Bytes that are read and summed up at once: well below a millisecond. */
const chunkBytes = 1024 * 1024

/** More bytes than a stamp has. */
const stampBytes = 256

/** Returns the path of the stamp of a file. */
export function stampPath(path: string): string {
  return `${path}.stamp`
}

/** Compares a file that no SQLite of this process has open with its stamp: to close a descriptor gives up the locks of the process on the file. */
export async function compareStamp(fileSystem: FileSystem, path: string): Promise<StampCondition> {
  const stamp = await readStamp(fileSystem, path)
  // A write-ahead log that has something is of a process that did not get as far as a stamp.
  if (stamp === undefined || (await sizeOf(fileSystem, `${path}-wal`)) > 0 || (await sizeOf(fileSystem, path)) < 0) return 'none'
  const descriptor = await fileSystem.open(path, 'r')
  try {
    const found = await stampOf(fileSystem, descriptor)
    return found.size === stamp.size && found.crc32 === stamp.crc32 ? 'equal' : 'changed'
  } catch (error) {
    // A byte that the disk cannot read is not what was written.
    if (systemCode(error) === 'EIO') return 'changed'
    throw error
  } finally {
    await fileSystem.close(descriptor)
  }
}

/** Resolves with the stamp of the open file as it is. The event loop gets its turn between pieces. */
export async function stampOf(fileSystem: FileSystem, descriptor: number): Promise<IndexStamp> {
  const bytes = Buffer.allocUnsafe(chunkBytes)
  let [size, sum] = [0, 0]
  for (;;) {
    const count = await fileSystem.read(descriptor, bytes, 0, chunkBytes, size)
    if (count === 0) return { size, crc32: sum.toString(16).padStart(8, '0') }
    sum = crc32(bytes.subarray(0, count), sum)
    size += count
  }
}

/** Writes the stamp of a file whose bytes are durable. Durable once it resolves, with the names of the directory. */
export async function writeStamp(fileSystem: FileSystem, path: string, stamp: IndexStamp): Promise<void> {
  const temporary = `${stampPath(path)}.new`
  await removeOrSetAside(fileSystem, temporary)
  await replaceFile(fileSystem, stampPath(path), temporary, Buffer.from(textOf(stamp)))
  await syncDirectory(fileSystem, dirname(path))
}

/** Removes the stamp of a file, durably, also when an earlier call removed it and failed then: call it before the file changes. */
export async function removeStamp(fileSystem: FileSystem, path: string): Promise<void> {
  await removeOrSetAside(fileSystem, stampPath(path))
  await syncDirectory(fileSystem, dirname(path))
}

/** One line of JSON, and its own checksum: a stamp that is damaged itself says nothing of the file. */
function textOf({ size, crc32: sum }: IndexStamp): string {
  const json = JSON.stringify({ size, crc32: sum })
  return `${json} ${crc32(json).toString(16).padStart(8, '0')}\n`
}

/** Resolves with undefined when there is no stamp, or none that can be read: the file is checked then. */
async function readStamp(fileSystem: FileSystem, path: string): Promise<IndexStamp | undefined> {
  try {
    const descriptor = await fileSystem.open(stampPath(path), 'r')
    try {
      return parseStamp((await readAt(fileSystem, descriptor, 0, stampBytes)).toString('latin1'))
    } finally {
      await fileSystem.close(descriptor)
    }
  } catch (error) {
    if (isAbsent(error) || isInTheWay(error)) return undefined
    throw error
  }
}

function parseStamp(text: string): IndexStamp | undefined {
  const [, size, sum = ''] = /^\{"size":(\d+),"crc32":"([0-9a-f]{8})"\} [0-9a-f]{8}\n$/.exec(text) ?? []
  const stamp: IndexStamp = { size: Number(size), crc32: sum }
  return size !== undefined && textOf(stamp) === text ? stamp : undefined
}

/** Resolves with -1 for a file that is not there. */
async function sizeOf(fileSystem: FileSystem, path: string): Promise<number> {
  let descriptor: number
  try {
    descriptor = await fileSystem.open(path, 'r')
  } catch (error) {
    if (isAbsent(error)) return -1
    throw error
  }
  try {
    return await fileSystem.size(descriptor)
  } finally {
    await fileSystem.close(descriptor)
  }
}
