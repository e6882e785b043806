/** The manifest of a log: which files count, up to which byte, and which owner may write. Written whole, never changed in place. */
import { crc32 } from 'node:zlib'
import type { FencingToken, StoreKey } from '@beamclaw/core'
import { logCorrupt } from './failures.ts'

/** A segment that no writer may extend; bytes after `bytes` do not count. */
export interface SealedSegment {
  readonly generation: number
  readonly firstSeq: number
  readonly lastSeq: number
  readonly bytes: number
}

export interface Manifest {
  readonly version: 1
  readonly key: StoreKey
  /** Grows with each opening and each compaction; names the segment that is being written. */
  readonly generation: number
  readonly token: FencingToken
  /** Oldest first, without gaps between them. */
  readonly segments: readonly SealedSegment[]
  /** Seq of the first record of the segment that is being written. */
  readonly firstSeq: number
  /** Seqs of the snapshots, newest first: the current one and the one before it. */
  readonly snapshots: readonly number[]
  /** Seq of the last record that was dropped; absent when none was. */
  readonly dropped?: number
}

const prefix = ',"c":"'

/** Returns JSON text in one line that ends in the checksum of the text before it. */
export function sealJson(body: string): Buffer {
  const open = body.slice(0, -1)
  return Buffer.from(`${open}${prefix}${crc32(open).toString(16).padStart(8, '0')}"}\n`)
}

/** Returns the value that `sealJson` wrote. Throws `log-corrupt` for any other bytes. */
export function unsealJson(bytes: Buffer, file: string): unknown {
  const text = bytes.toString('utf8')
  const start = text.lastIndexOf(prefix)
  const open = text.slice(0, Math.max(start, 0))
  if (start < 0 || text.slice(start + prefix.length, -3) !== crc32(open).toString(16).padStart(8, '0') || !text.endsWith('"}\n')) {
    throw logCorrupt(file, 0, 'the file does not match its checksum')
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw logCorrupt(file, 0, 'the file is not JSON', error)
  }
}

/** Returns the file content of a manifest. */
export function encodeManifest(manifest: Manifest): Buffer {
  const { version, key, generation, token, segments, firstSeq, snapshots, dropped } = manifest
  return sealJson(JSON.stringify({ version, key, generation, token, segments, firstSeq, snapshots, dropped }))
}

/** Reads a manifest. Throws `log-corrupt`, also for one that a newer version of this package wrote. */
export function decodeManifest(bytes: Buffer, file: string): Manifest {
  const manifest = unsealJson(bytes, file) as Manifest
  if (manifest.version !== 1)
    throw logCorrupt(file, 0, `manifest version ${String(manifest.version)} is unknown to this release, which reads version 1`)
  return manifest
}

/** Returns true when two keys are equal. */
export function isSameKey(a: StoreKey, b: StoreKey): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index])
}

/** Returns the manifest after a snapshot of the records up to `snapshot`, when the segment of `old` has records up to `lastSeq` in `bytes` bytes. */
export function manifestAfter(
  old: Manifest,
  {
    snapshot,
    lastSeq,
    bytes,
    dropRecords,
  }: { readonly snapshot: number; readonly lastSeq: number; readonly bytes: number; readonly dropRecords: boolean },
): Manifest {
  const [newest, second] = old.snapshots
  // A second snapshot of the same seq replaces the first, and the one before it stays.
  const previous = newest === snapshot ? second : newest
  const segments = bytes > 0 ? [...old.segments, { generation: old.generation, firstSeq: old.firstSeq, lastSeq, bytes }] : old.segments
  return {
    ...old,
    generation: old.generation + 1,
    segments: dropRecords ? segments.filter((segment) => segment.lastSeq > (previous ?? 0)) : segments,
    ...(dropRecords ? { dropped: snapshot } : {}),
    firstSeq: lastSeq + 1,
    snapshots: previous === undefined ? [snapshot] : [snapshot, previous],
  }
}
