/** Reads a page of a log: finds its first record by binary search in the own file, then goes forward, and on into the write-ahead log. */
import type { LogEntry, LogPage } from '@beamclaw/core'
import { readExtents } from './extent-reader.ts'
import { logCorrupt } from './failures.ts'
import type { FileSystem } from './file-system.ts'
import { forEachLine } from './forward-scan.ts'
import type { Files, LogView } from './log-reader.ts'
import { ownFileName } from './own-file.ts'
import { parseRecord } from './parsed-line.ts'
import { isIntact, lineEnd, proveHead, readHead } from './wal-line.ts'
import { segmentPath } from './wal-segments.ts'

const largestPage = 8 * 1024 * 1024
const probeBytes = 8 * 1024
// From here on, reading forward costs less than another probe.
const nearBytes = 32 * 1024

/** Resolves with the page that begins at `fromSeq`. Rejects `log-corrupt` when a record of it is damaged. */
export async function readPage(files: Files, view: LogView, page: { readonly fromSeq: number; readonly limit: number }): Promise<LogPage> {
  const { fileSystem } = files
  const { own, lastSeq, path } = view
  const file = ownFileName(path, own.generation)
  const descriptor = own.generation === 0 ? undefined : await fileSystem.open(file, 'r')
  try {
    const firstSeq = Math.max(view.droppedSeq + 1, await firstSeqOf(fileSystem, descriptor, view))
    const collector = new PageCollector(Math.max(page.fromSeq, firstSeq), page.limit)
    if (descriptor !== undefined && collector.next <= own.lastSeq) {
      const start = await seek(fileSystem, descriptor, own.bytes, collector.next)
      await forEachLine(fileSystem, descriptor, start, own.bytes, (...line) => collector.take(file, ...line))
      collector.end(file, own.bytes, own.lastSeq)
    }
    if (!collector.isFull && collector.next <= lastSeq) await takeExtents(files, view, collector)
    return { records: collector.records, firstSeq, lastSeq }
  } finally {
    if (descriptor !== undefined) await fileSystem.close(descriptor)
  }
}

/**
 * - I1: `records` has no hole: a damaged line is passed over only when the record after it is the one that was expected.
 * - I2: `records` has at least one record before the limit of bytes counts.
 */
class PageCollector {
  readonly records: LogEntry[] = []
  next: number
  isFull = false
  readonly #limit: number
  #bytes = 0
  #damage: { readonly file: string; readonly offset: number } | undefined

  constructor(next: number, limit: number) {
    this.next = next
    this.#limit = limit
  }

  /** Takes a line; returns true when the page is full. */
  take(file: string, bytes: Buffer, start: number, end: number, offset: number): boolean {
    if (!isIntact(bytes, start, end)) {
      if (proveHead(bytes, start, end)?.kind !== 'snapshot') this.#damage ??= { file, offset }
      return false
    }
    const head = readHead(bytes, start, end)
    if (head?.kind !== 'record' || head.seq < this.next) return false
    if (head.seq !== this.next) throw this.#missing(file, offset)
    this.#damage = undefined
    this.#bytes += end - start
    if (this.records.length > 0 && this.#bytes > largestPage) {
      this.isFull = true
      return true
    }
    this.records.push(parseRecord(bytes, start, end))
    this.next += 1
    this.isFull = this.records.length >= this.#limit
    return this.isFull
  }

  /** Checks that a part of the log that has records up to `lastSeq` gave all of them. */
  end(file: string, offset: number, lastSeq: number): void {
    if (!this.isFull && this.next <= lastSeq) throw this.#missing(file, offset)
  }

  #missing(file: string, offset: number): ReturnType<typeof logCorrupt> {
    const place = this.#damage ?? { file, offset }
    return logCorrupt(place.file, place.offset, `record ${this.next} is damaged or missing`)
  }
}

async function takeExtents({ fileSystem, wal }: Files, { extents, lastSeq }: LogView, collector: PageCollector): Promise<void> {
  const needed = extents.filter((extent) => extent.kind === 'damaged' || (extent.kind === 'record' && extent.lastSeq >= collector.next))
  let place = { file: segmentPath(wal, needed.at(-1)?.segment ?? 1), offset: needed.at(-1)?.offset ?? 0 }
  for await (const some of readExtents(fileSystem, wal, needed)) {
    for (const { extent, bytes } of some) {
      place = { file: segmentPath(wal, extent.segment), offset: extent.offset }
      for (let start = 0; start < bytes.length; ) {
        const found = lineEnd(bytes, start)
        const end = found < 0 ? bytes.length : found
        if (collector.take(place.file, bytes, start, end, extent.offset + start)) return
        start = end + 1
      }
    }
  }
  collector.end(place.file, place.offset, lastSeq)
}

/**
 * Resolves with the seq of the first record that was not dropped. Only a line that says so makes it another than 1: what is missing without one is damage, which
 * a page from there on finds.
 */
async function firstSeqOf(fileSystem: FileSystem, descriptor: number | undefined, { own, extents, lastSeq }: LogView): Promise<number> {
  if (descriptor === undefined || own.lastSeq === 0) return extents.find(({ kind }) => kind === 'record')?.firstSeq ?? lastSeq + 1
  let first = 1
  await forEachLine(fileSystem, descriptor, 0, own.bytes, (bytes, start, end) => {
    const head = isIntact(bytes, start, end) ? readHead(bytes, start, end) : proveHead(bytes, start, end)
    if (head?.kind === 'drop') first = head.seq + 1
    return head?.kind === 'record' || head?.kind === 'drop'
  })
  return first
}

/** Resolves with a position before the record `seq`, and near it. */
async function seek(fileSystem: FileSystem, descriptor: number, end: number, seq: number): Promise<number> {
  let [low, high] = [0, end]
  while (high - low > nearBytes) {
    const middle = low + Math.floor((high - low) / 2)
    let found: { readonly seq: number; readonly offset: number } | undefined
    await forEachLine(
      fileSystem,
      descriptor,
      middle,
      high,
      (bytes, start, lineEnds, offset) => {
        const head = offset > middle && isIntact(bytes, start, lineEnds) ? readHead(bytes, start, lineEnds) : undefined
        if (head?.kind === 'record') found = { seq: head.seq, offset }
        return found !== undefined
      },
      { chunkBytes: probeBytes },
    )
    if (found !== undefined && found.seq <= seq) low = found.offset
    else high = middle
  }
  return low
}
