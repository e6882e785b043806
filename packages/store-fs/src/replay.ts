/** Reads the files that a manifest names: the newest readable snapshot and every record after it. */
import type { JsonValue, LogContents, LogEntry, LogSnapshot } from '@beamclaw/core'
import { BeamClawError } from '@beamclaw/core'
import { readFully, readWhole } from './atomic-write.ts'
import { logCorrupt } from './failures.ts'
import type { LogDirectory } from './log-directory.ts'
import { type Manifest, type SealedSegment, sealJson, unsealJson } from './manifest.ts'
import { readSegment } from './segment.ts'

/** The result of `replay`. */
export interface Replayed extends LogContents {
  /** Seqs of the usable snapshots, newest first; shorter than the manifest's list when one could not be read. */
  readonly snapshots: readonly number[]
  readonly lastSeq: number
}

/** Returns the file content of a snapshot whose state is JSON text already. */
export function encodeSnapshot(seq: number, stateJson: string): Buffer {
  return sealJson(`{"seq":${seq},"state":${stateJson}}`)
}

/**
 * Reads the sealed segments of `manifest`, then calls `readLast` for the records of the segment that was written last. Falls back to the
 * previous snapshot only when the segments hold every record since; otherwise rejects `log-corrupt`.
 */
export async function replay(
  directory: LogDirectory,
  manifest: Manifest,
  readLast: (firstSeq: number, into: LogEntry[]) => Promise<void>,
): Promise<Replayed> {
  const { snapshot, snapshots } = await chooseSnapshot(directory, manifest)
  const after = snapshot?.seq ?? 0
  const records: LogEntry[] = []
  let next = manifest.segments[0]?.firstSeq ?? manifest.firstSeq
  if (next > after + 1) throw logCorrupt(directory.manifest(manifest.generation), 0, `records ${after + 1} to ${next - 1} are missing`)
  for (const segment of manifest.segments) {
    if (segment.firstSeq !== next) throw logCorrupt(directory.segment(segment.generation), 0, `expected it to start at seq ${next}`)
    next = segment.lastSeq + 1
    if (segment.lastSeq > after) await readSealed(directory, segment, records)
  }
  if (next !== manifest.firstSeq) throw logCorrupt(directory.segment(manifest.generation), 0, `expected it to start at seq ${next}`)
  await readLast(next, records)
  const lastSeq = Math.max(records.at(-1)?.seq ?? 0, next - 1)
  const skipped = records.findIndex(({ seq }) => seq > after)
  return { snapshot, snapshots, lastSeq, records: skipped === 0 ? records : skipped < 0 ? [] : records.slice(skipped) }
}

async function readSealed(directory: LogDirectory, segment: SealedSegment, into: LogEntry[]): Promise<void> {
  const file = directory.segment(segment.generation)
  const bytes = await readPrefix(directory, file, segment.bytes)
  const count = into.length
  await readSegment(bytes, { file, generation: segment.generation, firstSeq: segment.firstSeq, isSealed: true }, into)
  const found = segment.firstSeq - 1 + into.length - count
  if (found !== segment.lastSeq) throw logCorrupt(file, bytes.length, `expected records up to seq ${segment.lastSeq}, found ${found}`)
}

/** Returns the first `length` bytes of a file. Rejects `log-corrupt` when there are fewer. */
export async function readPrefix(directory: LogDirectory, file: string, length: number): Promise<Buffer> {
  const { fileSystem } = directory
  let descriptor: number
  try {
    descriptor = await fileSystem.open(file, 'r')
  } catch (error) {
    throw logCorrupt(file, 0, 'the segment cannot be opened', error)
  }
  try {
    const bytes = await readFully(fileSystem, descriptor, length)
    if (bytes.length < length) throw logCorrupt(file, bytes.length, `the segment ends before byte ${length}`)
    return bytes
  } finally {
    await fileSystem.close(descriptor)
  }
}

async function chooseSnapshot(
  directory: LogDirectory,
  { snapshots, segments, firstSeq }: Manifest,
): Promise<{ readonly snapshot: LogSnapshot | undefined; readonly snapshots: readonly number[] }> {
  const oldestRecord = segments[0]?.firstSeq ?? firstSeq
  let failure: unknown
  for (const [index, seq] of snapshots.entries()) {
    try {
      return { snapshot: await readSnapshot(directory, seq), snapshots: snapshots.slice(index) }
    } catch (error) {
      if (!BeamClawError.isInstance(error, 'log-corrupt')) throw error
      failure ??= error
      // Replay from the previous snapshot gives the same state only when every record since is there.
      if (oldestRecord > (snapshots[index + 1] ?? 0) + 1) throw error
    }
  }
  if (failure !== undefined && oldestRecord > 1) throw failure
  return { snapshot: undefined, snapshots: [] }
}

async function readSnapshot(directory: LogDirectory, seq: number): Promise<LogSnapshot> {
  const file = directory.snapshot(seq)
  const bytes = await readWhole(directory.fileSystem, file)
  if (bytes === undefined) throw logCorrupt(file, 0, 'the snapshot is missing')
  const { seq: found, state } = unsealJson(bytes, file) as { seq: number; state: JsonValue }
  if (found !== seq) throw logCorrupt(file, 0, `it names itself seq ${found}`)
  return { seq, state }
}
