/** Files that go into a page and come out of it: only those of the workspace, of a bounded size, under safe names. */
import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import type { Clock, PlanContext } from '@beamclaw/core'
import { sleep } from '@beamclaw/core/adapter'
import type { Download } from 'playwright-core'
import { workspaceOf } from '../files/files-options.ts'
import { readInside, statInside, writeInside } from '../workspace/files-inside.ts'
import { pageFailed } from './browser-errors.ts'
import type { BrowserToolSettings } from './browser-tool-options.ts'

/** A file of the workspace, read. */
export interface UploadFile {
  readonly path: string
  readonly bytes: Uint8Array
  readonly sha256: string
}

type Call = Pick<PlanContext, 'sessionKey' | 'agentId' | 'context'>

/** Milliseconds between two looks at the size of a download. */
const lookMs = 100
const maxNameCharacters = 120
const maxTries = 1_000

/** Reads the files of an upload. Rejects `path-outside-workspace`, and `document-too-large` for those that are too large together. */
export async function uploadFiles(paths: readonly string[], settings: BrowserToolSettings, call: Call): Promise<readonly UploadFile[]> {
  const root = await workspaceOf(settings, call)
  const files: UploadFile[] = []
  let left = settings.maxFileBytes
  for (const path of paths) {
    const bytes = await readInside(root, path, left)
    left -= bytes.length
    files.push({ path, bytes, sha256: createHash('sha256').update(bytes).digest('hex') })
  }
  return files
}

/** Saves a download in the folder `downloads` of the workspace, and resolves with its path there. Rejects `tool-failed`. */
export async function saveDownload(
  download: Download,
  folder: string,
  {
    settings,
    call,
    clock,
    signal,
  }: { readonly settings: BrowserToolSettings; readonly call: Call; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<{ readonly path: string; readonly bytes: number }> {
  const { maxFileBytes } = settings
  try {
    await complete(download, folder, maxFileBytes, clock, signal)
    const content = await contentOf(download, maxFileBytes)
    const root = await workspaceOf(settings, call)
    const path = await freePath(root, safeName(download.suggestedFilename()))
    await writeInside(root, path, content)
    return { path, bytes: content.length }
  } finally {
    await download.delete().catch(() => undefined)
  }
}

/** Waits for the end of a download, and cancels it as soon as it is too large. */
async function complete(download: Download, folder: string, maxBytes: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const ended = new AbortController()
  const failure = download.failure().finally(() => ended.abort())
  try {
    while (!ended.signal.aborted) {
      await Promise.race([sleep(clock, lookMs, signal), failure])
      if ((await largestIn(folder)) > maxBytes) throw tooLarge(maxBytes)
    }
    const problem = await failure
    if (problem !== null) throw pageFailed(`the download failed: ${problem}`)
  } catch (error) {
    await download.cancel().catch(() => undefined)
    throw error
  }
}

async function contentOf(download: Download, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of await download.createReadStream()) {
    size += (piece as Buffer).length
    if (size > maxBytes) throw tooLarge(maxBytes)
    pieces.push(piece as Buffer)
  }
  return Buffer.concat(pieces)
}

async function largestIn(folder: string): Promise<number> {
  const sizes = await Promise.all(
    (await readdir(folder).catch(() => [])).map(async (name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return Math.max(0, ...sizes)
}

function tooLarge(maxBytes: number): Error {
  return pageFailed(`the download has more than ${maxBytes} bytes and was cancelled.`)
}

/** Returns a name that no system takes for anything but an ordinary file. */
export function safeName(suggested: string): string {
  const name = basename(suggested.replaceAll('\\', '/'))
    .normalize('NFC')
    .replaceAll(/[^\p{L}\p{N} ._()+,=@-]/gu, '_')
    .replace(/^[. ]+/, '')
    .replace(/[. ]+$/, '')
  const end = extname(name).slice(0, 20)
  const start = name
    .slice(0, name.length - extname(name).length)
    .slice(0, maxNameCharacters)
    .toWellFormed()
  if (start === '') return `download${end}`
  return /^(?:con|prn|aux|nul|com\d|lpt\d)$/i.test(start.split('.')[0] ?? '') ? `_${start}${end}` : `${start}${end}`
}

async function freePath(root: string, name: string): Promise<string> {
  const end = extname(name)
  for (let count = 1; count < maxTries; count++) {
    const path = join('downloads', count === 1 ? name : `${name.slice(0, name.length - end.length)} (${count})${end}`)
    if ((await statInside(root, path)) === undefined) return path
  }
  throw pageFailed(`there are too many downloads with the name ${JSON.stringify(name)}. Remove some.`)
}
