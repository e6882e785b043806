/** Reads lines of one log out of the segments of the write-ahead log, neighbours together. */
import { readAt } from './backward-scan.ts'
import { logCorrupt } from './failures.ts'
import type { FileSystem } from './file-system.ts'
import type { Extent } from './log-state.ts'
import { OpenSegments } from './open-segments.ts'
import { segmentPath } from './wal-segments.ts'

/** An extent and its bytes. */
export interface ReadExtent {
  readonly extent: Extent
  readonly bytes: Buffer
}

// Reading what lies between two extents costs less than another call to the system.
const largestGap = 16 * 1024
const largestSpan = 4 * 1024 * 1024

/**
 * Reads extents in order, a few megabytes at a time. Rejects with the system's ENOENT when a segment is gone: its lines are in own files then, and the caller
 * looks again.
 */
export async function* readExtents(
  fileSystem: FileSystem,
  directory: string,
  extents: readonly Extent[],
  shared?: OpenSegments,
): AsyncGenerator<readonly ReadExtent[]> {
  const segments = shared ?? new OpenSegments(fileSystem, directory)
  try {
    for (let index = 0; index < extents.length; ) {
      const span = spanFrom(extents, index)
      const [first] = span
      if (first === undefined) return
      const last = span.at(-1) ?? first
      const length = last.offset + last.bytes - first.offset
      const bytes = await readAt(fileSystem, await segments.descriptor(first.segment), first.offset, length)
      if (bytes.length < length)
        throw logCorrupt(
          segmentPath(directory, first.segment),
          first.offset + bytes.length,
          `the segment ends before byte ${first.offset + length}`,
        )
      yield span.map((extent) => {
        const start = extent.offset - first.offset
        return { extent, bytes: bytes.subarray(start, start + extent.bytes) }
      })
      index += span.length
    }
  } finally {
    if (segments !== shared) await segments.close()
  }
}

/** Resolves with the bytes of one extent. */
export async function readExtent(fileSystem: FileSystem, directory: string, extent: Extent): Promise<Buffer> {
  for await (const [read] of readExtents(fileSystem, directory, [extent])) if (read !== undefined) return read.bytes
  return Buffer.alloc(0)
}

function spanFrom(extents: readonly Extent[], from: number): Extent[] {
  const span: Extent[] = []
  for (let index = from; index < extents.length; index++) {
    const extent = extents[index] as Extent
    const [first, last] = [span[0], span.at(-1)]
    if (first !== undefined && last !== undefined) {
      const gap = extent.offset - last.offset - last.bytes
      const isNear = extent.segment === first.segment && gap >= 0 && gap <= largestGap
      if (!isNear || extent.offset + extent.bytes - first.offset > largestSpan) break
    }
    span.push(extent)
  }
  return span
}
