/** Reads a page of a log from its files, beside its owner. */
import type { LogEntry, LogPage } from '@beamclaw/core'
import { BeamClawError } from '@beamclaw/core'
import { isAbsent, readFully } from './atomic-write.ts'
import type { LogDirectory } from './log-directory.ts'
import type { Manifest } from './manifest.ts'
import { readPrefix } from './replay.ts'
import { readSegment } from './segment.ts'

/** The owner of a log in this process. */
export interface PresentOwner {
  readonly generation: number
  /** Acknowledged bytes of the segment that is being written. */
  readonly bytes: number
}

const mostAttempts = 20

/**
 * Resolves with the page, or undefined when there is no log. `owner` is asked anew for each attempt: an owner may replace the files meanwhile. Without an
 * owner, the bytes of the last segment are synced first, because their writer may have died before its sync.
 */
export async function readPage(
  directory: LogDirectory,
  owner: () => PresentOwner | undefined,
  { fromSeq, limit }: { readonly fromSeq: number; readonly limit: number },
): Promise<LogPage | undefined> {
  for (let attempt = 1; ; attempt++) {
    const present = owner()
    try {
      const generation = present?.generation ?? (await directory.list()).manifests.at(-1)
      if (generation === undefined) return undefined
      return await pageOf(directory, await directory.readManifest(generation), present?.bytes, fromSeq, limit)
    } catch (error) {
      const isReplaced = isAbsent(error) || BeamClawError.isInstance(error, 'fenced')
      if (!isReplaced || attempt === mostAttempts) throw error
    }
  }
}

async function pageOf(
  directory: LogDirectory,
  manifest: Manifest,
  bytes: number | undefined,
  fromSeq: number,
  limit: number,
): Promise<LogPage> {
  const { generation, segments, firstSeq, dropped = 0 } = manifest
  const from = Math.max(fromSeq, dropped + 1)
  const records: LogEntry[] = []
  for (const segment of segments) {
    if (segment.lastSeq < from || segment.firstSeq >= from + limit) continue
    const file = directory.segment(segment.generation)
    const found: LogEntry[] = []
    await readSegment(await readPrefix(directory, file, segment.bytes), { file, ...segment, isSealed: true }, found)
    records.push(...found)
  }
  const tail: LogEntry[] = []
  const file = directory.segment(generation)
  await readSegment(await tailOf(directory, file, bytes), { file, generation, firstSeq, isSealed: false }, tail)
  records.push(...tail)
  const lastSeq = Math.max(tail.at(-1)?.seq ?? firstSeq - 1, 0)
  const first = Math.max(segments[0]?.firstSeq ?? firstSeq, dropped + 1)
  return { records: records.filter(({ seq }) => seq >= from && seq < from + limit), firstSeq: first, lastSeq }
}

async function tailOf(directory: LogDirectory, file: string, bytes: number | undefined): Promise<Buffer> {
  const { fileSystem } = directory
  const descriptor = await fileSystem.open(file, 'r')
  try {
    if (bytes === undefined) await fileSystem.datasync(descriptor)
    return await readFully(fileSystem, descriptor, bytes ?? (await fileSystem.size(descriptor)))
  } finally {
    await fileSystem.close(descriptor)
  }
}
