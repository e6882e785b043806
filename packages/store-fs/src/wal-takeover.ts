/** Takes the write-ahead log over from its earlier owner: seals it, reads all of it into the table of logs, and begins the next segment. */

import { BeamClawError } from '@beamclaw/core'
import { isAbsent, readWhole, removeIfThere, syncDirectory } from './atomic-write.ts'
import { logCorrupt } from './failures.ts'
import type { FileSystem, Witness } from './file-system.ts'
import { type LogTable, LostLines } from './log-table.ts'
import type { SyncMode } from './options.ts'
import { walkSegment } from './wal-replay.ts'
import {
  abandonSegment,
  beginSegment,
  type CurrentSegment,
  claimSegment,
  cutTail,
  headerOf,
  linesStart,
  listSegments,
  longestHeader,
  type OpenTail,
  openTail,
  sealSegments,
  segmentPath,
} from './wal-segments.ts'

const mostAttempts = 20

/**
 * Resolves with the segment to write to. The order is what fences an earlier owner: the next segment is claimed, then the earlier ones are sealed, and only then
 * read; a segment that is sealed acknowledges nothing. Rejects `log-corrupt` for damage of which nothing says whose lines are lost.
 */
export async function takeWal(fileSystem: FileSystem, directory: string, table: LogTable, sync: SyncMode): Promise<CurrentSegment> {
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const numbers = await listSegments(fileSystem, directory)
    const newest = numbers.at(-1) ?? 0
    let tail: OpenTail | undefined
    try {
      tail = newest === 0 ? undefined : await openTail(fileSystem, directory, newest)
      const own = await claimSegment(fileSystem, directory, newest + 1, sync)
      if (own !== undefined) return await take(fileSystem, directory, table, { numbers, tail, own, number: newest + 1 })
    } catch (error) {
      if (!isAbsent(error)) throw error
    } finally {
      if (tail !== undefined) await fileSystem.close(tail.descriptor)
    }
  }
  throw overtaken(directory)
}

function overtaken(directory: string, cause?: unknown): BeamClawError {
  const problem = `${directory}: other processes keep taking the write-ahead log over. Stop them and try again`
  return new BeamClawError('store-io', problem, cause === undefined ? {} : { cause })
}

interface Claim {
  readonly numbers: readonly number[]
  readonly tail: OpenTail | undefined
  readonly own: number
  readonly number: number
}

async function take(fileSystem: FileSystem, directory: string, table: LogTable, claim: Claim): Promise<CurrentSegment> {
  const { numbers, own, number } = claim
  let isReplayed = false
  try {
    await sealSegments(fileSystem, directory, numbers)
    const chain = await chainOf(fileSystem, directory, numbers)
    const lost = new LostLines()
    let previous = { number: 0, bytes: 0 }
    isReplayed = chain.length > 0
    for (const segment of chain) previous = { number: segment.number, bytes: await replay(fileSystem, directory, table, segment, lost) }
    const [unproven] = lost.unproven
    if (unproven !== undefined && lost.unproven.length > lost.gaps - lost.proven) throw unproven
    const last = chain.at(-1)
    if (last !== undefined && last.number === claim.tail?.number)
      await cutTail(fileSystem, directory, claim.tail, previous.bytes, () => own)
    else if (last !== undefined) await cutSealed(fileSystem, directory, last.number, previous.bytes, () => own)
    const current = await beginSegment(fileSystem, directory, own, { number, previous: previous.number, bytes: previous.bytes })
    for (const junk of numbers) {
      if (chain.some((segment) => segment.number === junk)) continue
      await removeIfThere(fileSystem, segmentPath(directory, junk))
      await syncDirectory(fileSystem, directory)
    }
    table.segments.begin(number, current.bytes)
    return current
  } catch (error) {
    await abandonSegment(fileSystem, directory, number, own)
    // The table has lines by now, so that another attempt would read them a second time.
    throw isReplayed && isAbsent(error) ? overtaken(directory, error) : error
  }
}

/** A segment whose lines count. */
export interface ChainSegment {
  readonly number: number
  /** Bytes that count; undefined for the last one, which ends where its lines do. */
  readonly length: number | undefined
}

/** Returns the segments that count, oldest first. One whose header was never durable holds nothing that was acknowledged. */
export async function chainOf(fileSystem: FileSystem, directory: string, numbers: readonly number[]): Promise<ChainSegment[]> {
  const chain: ChainSegment[] = []
  let expected: { readonly number: number; readonly length: number | undefined } | undefined
  for (const number of [...numbers].reverse()) {
    if (expected !== undefined && number !== expected.number) {
      // Segments go from the oldest on. If an older one is there, the one between was never begun, or its writer gave it up.
      if (numbers.includes(expected.number)) continue
      expected = { number, length: undefined }
    }
    const found = await headerOf(fileSystem, directory, number)
    if (found === undefined && !(await hasLines(fileSystem, directory, number))) {
      // The header of the next one says that lines of it were acknowledged.
      if (expected?.number === number && (expected.length ?? 0) > longestHeader)
        throw logCorrupt(segmentPath(directory, number), 0, 'no line of the segment can be read')
      continue
    }
    chain.unshift({ number, length: expected?.length })
    // A damaged header does not say which segment is before it, so it is the one that is there.
    const before = numbers.filter((one) => one < number).at(-1)
    if (found !== undefined) expected = { number: found.previous, length: found.bytes }
    else if (before !== undefined) expected = { number: before, length: undefined }
  }
  return chain
}

/** Rejects with ENOENT when the segment is gone: its owner retired it since it was listed, so what is there has to be looked at again. */
async function hasLines(fileSystem: FileSystem, directory: string, number: number): Promise<boolean> {
  const path = segmentPath(directory, number)
  const bytes = await readWhole(fileSystem, path)
  if (bytes === undefined) throw Object.assign(new Error(`ENOENT: ${path} is gone`), { code: 'ENOENT' })
  let count = 0
  walkSegment(bytes, 0, bytes.length, true, { line: () => count++, damage: () => undefined })
  return count > 0
}

async function replay(
  fileSystem: FileSystem,
  directory: string,
  table: LogTable,
  { number, length }: ChainSegment,
  lost: LostLines,
): Promise<number> {
  const file = segmentPath(directory, number)
  const bytes = await readWhole(fileSystem, file)
  // Its owner retired it after it had moved all of its lines, and before it could know that it is sealed. What it was doing then is not done again.
  if (bytes === undefined) return length ?? 0
  const end = length ?? bytes.length
  if (bytes.length < end) throw logCorrupt(file, bytes.length, `the segment ends before byte ${end}`)
  table.segments.begin(number, end)
  return walkSegment(bytes, linesStart(file, bytes), end, length === undefined, table.replayer(number, file, lost))
}

async function cutSealed(fileSystem: FileSystem, directory: string, number: number, good: number, witness: Witness): Promise<void> {
  const tail = await openTail(fileSystem, directory, number)
  try {
    await cutTail(fileSystem, directory, tail, good, witness)
  } finally {
    await fileSystem.close(tail.descriptor)
  }
}
