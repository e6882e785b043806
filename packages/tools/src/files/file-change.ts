/** One change of one file, known in full before anything is written. */
import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import { readInside, statInside, writeInside } from '../workspace/files-inside.ts'
import { resolveInside } from '../workspace/resolve-inside.ts'
import { fileFailed } from './file-errors.ts'
import { isBinary } from './text-file.ts'
import { unifiedDiff } from './unified-diff.ts'

/** What a call would write. */
export interface FileChange {
  /** Relative to the workspace, with slashes. */
  readonly path: string
  readonly realPath: string
  /** Hash of the old content; null for a new file. */
  readonly before: string | null
  /** Hash of the new content. */
  readonly after: string
  /** Every changed line, or how many there are. */
  readonly diff: string
  readonly content: Buffer
}

/** The place of a file. */
export interface FilePlace {
  readonly root: string
  readonly path: string
  readonly maxFileBytes: number
}

/**
 * Resolves with the change that `edit` makes of the old content, which is `undefined` for a new file. Links inside the workspace are followed.
 * Rejects `path-outside-workspace`, `document-too-large` and `tool-failed`.
 */
export async function plannedChange(
  { root, path, maxFileBytes }: FilePlace,
  edit: (old: Buffer | undefined) => Buffer,
): Promise<FileChange> {
  const realPath = await resolveInside(root, path)
  const old = (await statInside(root, realPath)) === undefined ? undefined : Buffer.from(await readInside(root, realPath, maxFileBytes))
  const content = edit(old)
  if (content.length > maxFileBytes) throw fileFailed(path, `it would have ${content.length} bytes, more than ${maxFileBytes}`)
  return {
    path: shownPath(await realpath(root), realPath),
    realPath,
    before: old === undefined ? null : hashOf(old),
    after: hashOf(content),
    diff: diffOf(old, content),
    content,
  }
}

/** Writes a change. */
export async function applyChange(root: string, { realPath, content }: FileChange): Promise<void> {
  await writeInside(root, realPath, content)
}

/** Returns a path as models write it: relative to the workspace, with slashes. */
export function shownPath(realRoot: string, realPath: string): string {
  return relative(realRoot, realPath).split(sep).join('/') || '.'
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function diffOf(old: Buffer | undefined, content: Buffer): string {
  if (old === undefined) return unifiedDiff('', content.toString('utf8'))
  if (isBinary(old)) return `(the old content is binary, ${old.length} bytes)\n${unifiedDiff('', content.toString('utf8'))}`
  return unifiedDiff(old.toString('utf8'), content.toString('utf8'))
}
