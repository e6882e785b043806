/** Opens a log: decides which owner may write, reads the log, seals it, and starts a new segment. */
import type { FencingToken, LogEntry, StoreKey } from '@beamclaw/core'
import { BeamClawError } from '@beamclaw/core'
import { mayOpenLog } from '@beamclaw/core/adapter'
import { isAbsent, readFully } from './atomic-write.ts'
import { fenced, logCorrupt, systemCode } from './failures.ts'
import type { Listing, LogDirectory } from './log-directory.ts'
import { type LogEnvironment, logDirectory } from './log-environment.ts'
import { isSameKey, type Manifest, type SealedSegment } from './manifest.ts'
import { type Replayed, replay } from './replay.ts'
import { readSegment } from './segment.ts'

const mostAttempts = 100

/** A log right after its opening. */
export interface OpenedLog {
  readonly manifest: Manifest
  /** The open segment that is being written; the caller closes it. */
  readonly descriptor: number
  readonly content: Replayed
}

/**
 * Takes the log in `path` over from its earlier owner. Rejects `fenced` for an outdated token, `log-corrupt` for damaged files. The
 * directory must exist when the log is new.
 */
export async function takeLog(environment: LogEnvironment, path: string, key: StoreKey, token: FencingToken): Promise<OpenedLog> {
  const directory = logDirectory(environment, path)
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    try {
      const opened = await tryToTake({ environment, directory, key, token })
      if (opened !== undefined) return opened
    } catch (error) {
      // Another process removed files meanwhile: try again, unless the directory itself is missing.
      if (!isAbsent(error) || (await directory.list()).manifests.length === 0) throw error
    }
  }
  throw contended(directory)
}

/** One attempt to open a log. */
interface Attempt {
  readonly environment: LogEnvironment
  readonly directory: LogDirectory
  readonly key: StoreKey
  readonly token: FencingToken
}

async function tryToTake(attempt: Attempt): Promise<OpenedLog | undefined> {
  const { directory, key, token } = attempt
  const listing = await directory.list()
  if (listing.isDeleted) {
    await directory.finishDeletion()
    return undefined
  }
  const newest = listing.manifests.at(-1)
  const base = newest === undefined ? undefined : await directory.readManifest(newest)
  if (base !== undefined && !isSameKey(base.key, key)) throw strangersLog(directory, base)
  if (base !== undefined && !mayOpenLog(base.token, token)) throw fenced('a later owner opened the log', base.token.epoch)
  if (base === undefined && (await hasOrphans(directory, listing))) return undefined
  // Before the claim, which removes the permission to write to it.
  const tail = base === undefined ? undefined : await openTail(directory, base)
  try {
    const generation = 1 + Math.max(listing.segments.at(-1) ?? 0, listing.manifests.at(-1) ?? 0)
    const descriptor = await directory.claim(generation, base?.generation ?? 1)
    if (descriptor === undefined) return undefined
    return await finish(attempt, { base, tail, generation, descriptor })
  } finally {
    if (tail !== undefined) await directory.fileSystem.close(tail.descriptor)
  }
}

interface Tail {
  readonly descriptor: number
  readonly isWritable: boolean
}

interface Claim {
  readonly base: Manifest | undefined
  readonly tail: Tail | undefined
  readonly generation: number
  readonly descriptor: number
}

async function finish(attempt: Attempt, claim: Claim): Promise<OpenedLog | undefined> {
  const { environment, directory, key, token } = attempt
  const { base, generation, descriptor } = claim
  try {
    const { manifests } = await directory.list()
    if (manifests.at(-1) !== base?.generation) {
      // Another owner wrote a manifest before the claim could seal its segment: start over from that manifest.
      await directory.abandon(generation, descriptor)
      return undefined
    }
    const { content, segments } = await readAll(attempt, claim)
    const manifest: Manifest = {
      version: 1,
      key,
      generation,
      token,
      segments,
      firstSeq: content.lastSeq + 1,
      snapshots: content.snapshots,
      ...(base?.dropped === undefined ? {} : { dropped: base.dropped }),
    }
    const listing = await directory.writeManifest(manifest, descriptor)
    await setBadSnapshotsAside(directory, base, manifest)
    await directory.removeObsolete(manifest, descriptor, listing)
    if (base !== undefined) environment.suspects.delete(directory.segment(base.generation))
    return { manifest, descriptor, content }
  } catch (error) {
    // A manifest that may reach the disk names this segment, so the segment has to stay.
    const { manifests } = await directory.list()
    if (manifests.includes(generation)) await directory.fileSystem.close(descriptor)
    else await directory.abandon(generation, descriptor)
    throw error
  }
}

interface Found {
  readonly content: Replayed
  readonly segments: readonly SealedSegment[]
}

async function readAll(attempt: Attempt, { base, tail, descriptor: own }: Claim): Promise<Found> {
  if (base === undefined) return { content: { snapshot: undefined, records: [], snapshots: [], lastSeq: 0 }, segments: [] }
  const { directory } = attempt
  if (tail === undefined) throw missingTail(directory, base)
  let bytes = 0
  const content = await replay(directory, base, async (firstSeq, into) => {
    bytes = await readTail(attempt, base, tail, own, firstSeq, into)
  })
  const { generation, firstSeq } = base
  const sealed = { generation, firstSeq, lastSeq: content.lastSeq, bytes }
  return { content, segments: bytes === 0 ? base.segments : [...base.segments, sealed] }
}

/** Reads the last segment, truncates a torn write, and syncs the rest, because its writer may have died before its sync. */
async function readTail(attempt: Attempt, base: Manifest, tail: Tail, own: number, firstSeq: number, into: LogEntry[]): Promise<number> {
  const { directory, environment } = attempt
  const { fileSystem, suspects } = environment
  const file = directory.segment(base.generation)
  const size = await fileSystem.size(tail.descriptor)
  const suspectFrom = suspects.get(file)
  const bytes = await readFully(fileSystem, tail.descriptor, Math.min(size, suspectFrom ?? size))
  const good = await readSegment(bytes, { file, generation: base.generation, firstSeq, isSealed: false }, into)
  if (good < bytes.length) await directory.replace(`${file}.torn`, bytes.subarray(good))
  if (good < size && tail.isWritable) await fileSystem.truncate(tail.descriptor, good, own)
  if (good > 0) await fileSystem.datasync(tail.descriptor)
  return good
}

async function openTail(directory: LogDirectory, base: Manifest): Promise<Tail | undefined> {
  const file = directory.segment(base.generation)
  try {
    return { descriptor: await directory.fileSystem.open(file, 'r+'), isWritable: true }
  } catch (error) {
    if (isAbsent(error)) return undefined
    // An unfinished opening sealed it; bytes past the good records then stay in the file and do not count.
    if (systemCode(error) !== 'EACCES' && systemCode(error) !== 'EPERM') throw error
    return { descriptor: await directory.fileSystem.open(file, 'r'), isWritable: false }
  }
}

/** Returns true when a manifest appeared meanwhile. Rejects `log-corrupt` for segments with records but no manifest. */
async function hasOrphans(directory: LogDirectory, listing: Listing): Promise<boolean> {
  for (const generation of listing.segments) {
    const file = directory.segment(generation)
    let descriptor: number
    try {
      descriptor = await directory.fileSystem.open(file, 'r')
    } catch (error) {
      if (isAbsent(error)) continue
      throw error
    }
    const size = await directory.fileSystem.size(descriptor)
    await directory.fileSystem.close(descriptor)
    if (size === 0) continue
    if ((await directory.list()).manifests.length > 0) return true
    throw logCorrupt(file, 0, 'the segment has records, and the manifest of the log is missing')
  }
  return false
}

/** Renames snapshots that could not be read, so that they can be examined later. */
async function setBadSnapshotsAside(directory: LogDirectory, base: Manifest | undefined, manifest: Manifest): Promise<void> {
  for (const seq of base?.snapshots ?? []) {
    if (manifest.snapshots.includes(seq)) continue
    try {
      await directory.fileSystem.rename(directory.snapshot(seq), `${directory.snapshot(seq)}.bad`)
    } catch (error) {
      if (!isAbsent(error)) throw error
    }
  }
}

function strangersLog(directory: LogDirectory, { key, generation }: Manifest): BeamClawError {
  const whose = `${directory.path} holds the log of ${JSON.stringify(key)}: the directory was moved or copied`
  return logCorrupt(directory.manifest(generation), 0, whose)
}

function missingTail(directory: LogDirectory, base: Manifest): BeamClawError {
  return logCorrupt(directory.segment(base.generation), 0, 'the segment is missing')
}

/** Deletes a log with all its files; returns whether there was one. Fences every owner, in any process. */
export async function removeLog(directory: LogDirectory): Promise<boolean> {
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const { manifests, segments, isDeleted } = await directory.list()
    if (manifests.length === 0 && segments.length === 0 && !isDeleted) return false
    const generation = 1 + Math.max(segments.at(-1) ?? 0, manifests.at(-1) ?? 0)
    const descriptor = await directory.claim(generation, 1)
    if (descriptor === undefined) continue
    await directory.fileSystem.close(descriptor)
    await directory.destroy()
    await directory.removeIfEmpty()
    return manifests.length > 0
  }
  throw contended(directory)
}

function contended({ path }: LogDirectory): BeamClawError {
  return new BeamClawError('store-io', `${path}: other processes keep opening this log. Stop them and try again`)
}
