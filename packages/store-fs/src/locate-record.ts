/** Finds the byte offset of a record, for the analysis of damage. */
import type { EntryLocation } from '@beamclaw/core'
import { readWhole } from './atomic-write.ts'
import type { LogDirectory } from './log-directory.ts'
import type { Manifest } from './manifest.ts'
import { lineEnd } from './record-line.ts'

/** Returns where a record starts, or undefined when the log does not have it. `bytes` is the acknowledged length of the segment that is being written. */
export async function locateRecord(
  directory: LogDirectory,
  { generation, firstSeq, segments, snapshots }: Manifest,
  bytes: number,
  seq: number,
): Promise<EntryLocation | undefined> {
  const newest = snapshots[0] ?? 0
  if (seq >= 1 && seq <= newest) return { file: directory.snapshot(newest), offset: 0 }
  const last = { generation, firstSeq, lastSeq: Number.POSITIVE_INFINITY, bytes }
  const segment = [...segments, last].find((one) => one.firstSeq <= seq && seq <= one.lastSeq)
  if (segment === undefined) return undefined
  const file = directory.segment(segment.generation)
  const content = await readWhole(directory.fileSystem, file)
  let offset = 0
  for (let line = segment.firstSeq; line < seq && offset < segment.bytes; line++)
    offset = lineEnd(content ?? Buffer.alloc(0), offset) + 1 || segment.bytes
  return offset < segment.bytes ? { file, offset } : undefined
}
