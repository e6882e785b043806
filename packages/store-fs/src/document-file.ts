/** One document in one JSON file, replaced as a whole. */
import { basename, dirname, join } from 'node:path'
import type { JsonValue, StoreKey, Versioned } from '@beamclaw/core'
import { BeamClawError } from '@beamclaw/core'
import { readWhole, removeIfThere, replaceFile, syncDirectory } from './atomic-write.ts'
import type { FileSystem } from './file-system.ts'

/** The content of a document's file. */
export interface DocumentFile extends Versioned<JsonValue> {
  readonly key: StoreKey
}

/** Returns a document, or undefined when there is none. Rejects `store-io` for a file that is not a document. */
export async function readDocument(fileSystem: FileSystem, path: string): Promise<DocumentFile | undefined> {
  const bytes = await readWhole(fileSystem, path)
  if (bytes === undefined) return undefined
  try {
    const document = JSON.parse(bytes.toString('utf8')) as DocumentFile
    if (Number.isSafeInteger(document.version) && document.version > 0 && 'value' in document) return document
  } catch (error) {
    throw notADocument(path, error)
  }
  throw notADocument(path)
}

/** Replaces a document; it is durable when the promise resolves. */
export async function writeDocument(
  fileSystem: FileSystem,
  path: string,
  temporary: string,
  { key, version, json }: { readonly key: StoreKey; readonly version: number; readonly json: string },
): Promise<void> {
  const bytes = Buffer.from(`{"version":${version},"key":${JSON.stringify(key)},"value":${json}}\n`)
  await replaceFile(fileSystem, path, join(dirname(path), temporary), bytes)
  await syncDirectory(fileSystem, dirname(path))
}

/** Removes a document durably; returns whether there was one. */
export async function removeDocument(fileSystem: FileSystem, path: string): Promise<boolean> {
  if (!(await removeIfThere(fileSystem, path))) return false
  await syncDirectory(fileSystem, dirname(path))
  return true
}

function notADocument(path: string, cause?: unknown): BeamClawError {
  return new BeamClawError(
    'store-io',
    `${path} is not a document: ${basename(path)} is damaged or was edited by hand. Restore it from a backup, or delete it`,
    {
      cause,
      details: { file: path },
    },
  )
}
