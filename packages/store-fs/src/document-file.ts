/** One document in one JSON file, replaced as a whole. */
import { dirname, join } from 'node:path'
import type { BeamClawError, JsonValue, StoreKey, Versioned } from '@beamclaw/core'
import { readWhole, removeIfEmpty, removeIfThere, replaceFile, syncAfterRemoval, syncDirectory } from './atomic-write.ts'
import { logCorrupt } from './failures.ts'
import type { FileSystem } from './file-system.ts'
import { finishLine, isIntact, sealText } from './wal-line.ts'

/** The content of a document's file. */
export interface DocumentFile extends Versioned<JsonValue> {
  readonly key: StoreKey
}

/** Returns a document, or undefined when there is none. Rejects `log-corrupt` for a file that is not a document, or does not match its checksum. */
export async function readDocument(fileSystem: FileSystem, path: string): Promise<DocumentFile | undefined> {
  const bytes = await readWhole(fileSystem, path)
  if (bytes === undefined) return undefined
  const end = bytes.length - 1
  if (bytes[end] !== 0x0a || !isIntact(bytes, 0, end)) throw notADocument(path)
  const { key, version, value } = JSON.parse(bytes.toString('utf8')) as DocumentFile
  return { key, version, value }
}

/** Replaces a document; it is durable when the promise resolves. `checkOwner` runs right before the new one gets the name, and may throw. */
export async function writeDocument(
  fileSystem: FileSystem,
  path: string,
  temporary: string,
  { key, version, json }: { readonly key: StoreKey; readonly version: number; readonly json: string },
  checkOwner: () => void,
): Promise<void> {
  const bytes = Buffer.from(finishLine(sealText(`{"version":${version},"key":${JSON.stringify(key)},"value":${json}`), false))
  await replaceFile(fileSystem, path, join(dirname(path), temporary), bytes, checkOwner)
  await syncDirectory(fileSystem, dirname(path))
}

/** Removes a document durably, and its directory when nothing else is in it; returns whether there was one. */
export async function removeDocument(fileSystem: FileSystem, path: string): Promise<boolean> {
  if (!(await removeIfThere(fileSystem, path))) return false
  await syncAfterRemoval(fileSystem, dirname(path))
  await removeIfEmpty(fileSystem, dirname(path))
  return true
}

function notADocument(path: string): BeamClawError {
  return logCorrupt(
    path,
    0,
    'the document does not match its checksum: it is damaged or was edited by hand. Stop the process and run `beamclaw doctor --repair`, which sets it aside, or restore it from a backup',
  )
}
