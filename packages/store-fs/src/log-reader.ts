/** Reads what an owner needs of a log: backwards through the lines in the write-ahead log, then through its own file. */
import type { EntryLocation, LogContents } from '@beamclaw/core'
import { scanBackwards } from './backward-scan.ts'
import { type ReadExtent, readExtents } from './extent-reader.ts'
import type { FileSystem } from './file-system.ts'
import { LineCollector } from './line-order.ts'
import type { Extent, LogState } from './log-state.ts'
import { type OwnFile, ownFileName } from './own-file.ts'
import { isSnapshotLine } from './parsed-line.ts'
import { isIntact, readHead } from './wal-line.ts'
import { segmentPath } from './wal-segments.ts'

const sliceBytes = 1024 * 1024

/** A log at one moment. The files may go meanwhile; then the system's ENOENT says so, and the caller looks again. */
export interface LogView {
  readonly path: string
  readonly own: OwnFile
  readonly extents: readonly Extent[]
  readonly lastSeq: number
  readonly snapshotSeq: number
  readonly droppedSeq: number
}

/** Where the files of a store are. */
export interface Files {
  readonly fileSystem: FileSystem
  readonly wal: string
}

/** Returns a copy of what is known of a log; its tail must have been loaded. */
export function viewOf(state: LogState): LogView {
  const { path, own, extents, lastSeq = 0, snapshotSeq = 0, droppedSeq } = state
  const view = { path, own: own ?? { generation: 0, bytes: 0, lastSeq: 0 }, lastSeq, snapshotSeq, droppedSeq }
  return { ...view, extents: extents.filter(({ kind }) => kind !== 'deleted').map((extent) => ({ ...extent })) }
}

/** Called with each line from the last to the first; returns true to stop. */
type Visit = (file: string, bytes: Buffer, start: number, end: number, offset: number) => boolean

/** Resolves with the newest good snapshot and the records after it, from `fromSeq` on. */
export async function readContents(files: Files, view: LogView, fromSeq: number): Promise<LogContents> {
  const collector = new LineCollector(view.lastSeq, view.droppedSeq)
  // An empty log has nothing to look for.
  if (view.lastSeq > 0 || view.extents.length > 0 || view.own.generation > 0)
    await visitBackwards(files, view, (...line) => collector.take(...line))
  return collector.contents(fromSeq, view.own.generation === 0 ? walFile(files, view) : ownFileName(view.path, view.own.generation))
}

/** Resolves with the place of a record, or of the newest snapshot when the record is in it; undefined when there is none. */
export async function locate(files: Files, view: LogView, seq: number): Promise<EntryLocation | undefined> {
  if (seq < 1 || seq > view.lastSeq) return undefined
  let found: EntryLocation | undefined
  await visitBackwards(files, view, (file, bytes, start, end, offset) => {
    const head = isIntact(bytes, start, end) ? readHead(bytes, start, end) : undefined
    if (head === undefined) return false
    const isIt =
      seq <= view.snapshotSeq ? isSnapshotLine(head) && head.seq === view.snapshotSeq : head.kind === 'record' && head.seq === seq
    if (isIt) found = { file, offset }
    return isIt
  })
  return found
}

async function visitBackwards({ fileSystem, wal }: Files, { path, own, extents }: LogView, visit: Visit): Promise<void> {
  for (let end = extents.length; end > 0; ) {
    const start = startOfSlice(extents, end)
    const read: ReadExtent[] = []
    for await (const some of readExtents(fileSystem, wal, extents.slice(start, end))) read.push(...some)
    for (const { extent, bytes } of read.reverse()) if (visitExtent(segmentPath(wal, extent.segment), extent, bytes, visit)) return
    end = start
  }
  if (own.generation === 0) return
  const file = ownFileName(path, own.generation)
  const descriptor = await fileSystem.open(file, 'r')
  try {
    await scanBackwards(fileSystem, descriptor, own.bytes, (bytes, start, end, offset) => visit(file, bytes, start, end, offset))
  } finally {
    await fileSystem.close(descriptor)
  }
}

/** Returns where the extents begin that are read together: what is needed is near the end as a rule. */
function startOfSlice(extents: readonly Extent[], end: number): number {
  let bytes = 0
  let start = end
  while (start > 0 && bytes < sliceBytes) bytes += extents[--start]?.bytes ?? 0
  return start
}

function visitExtent(file: string, { offset }: Extent, bytes: Buffer, visit: Visit): boolean {
  let end = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length
  for (;;) {
    const start = end <= 0 ? 0 : bytes.lastIndexOf(0x0a, end - 1) + 1
    if (visit(file, bytes, start, end, offset + start)) return true
    if (start === 0) return false
    end = start - 1
  }
}

function walFile({ wal }: Files, { extents }: LogView): string {
  return segmentPath(wal, extents[0]?.segment ?? 1)
}
