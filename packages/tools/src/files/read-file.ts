/** The tool that reads a file: text by lines, and images. */
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { defineTool, type Tool, type ToolOutput, toolResult } from '@beamclaw/core'
import { z } from 'zod'
import { imageTypeOf } from '../web/image-type.ts'
import { openInside } from '../workspace/open-inside.ts'
import { resolveInside } from '../workspace/resolve-inside.ts'
import { fileFailed, inWords } from './file-errors.ts'
import { type FilesSetup, workspaceOf } from './files-options.ts'
import { type LinesRead, readLines } from './read-lines.ts'
import { isBinary } from './text-file.ts'

const input = z.object({
  path: z.string().min(1).max(4096).describe('The path of the file, relative to the workspace'),
  offset: z.int().min(1).optional().describe('The first line to return; counts from 1'),
  limit: z.int().min(1).max(100_000).optional().describe('The most lines to return. Default 2000'),
})

const usualLines = 2000

/** Returns the tool `read_file`. */
export function readFileTool(setup: FilesSetup): Tool<z.infer<typeof input>, unknown> {
  return defineTool({
    name: 'read_file',
    description: 'Reads a text file, or shows an image. A long text comes in parts: call again with the offset that the result names.',
    input,
    idempotent: true,
    maxAttempts: 1,
    execute: async ({ path, offset = 1, limit = usualLines }, context) =>
      inWords(path, async () => {
        const root = await workspaceOf(setup, context)
        const file = await openInside(root, await resolveInside(root, path), constants.O_RDONLY)
        try {
          return await contentOf(file, path, setup, { from: offset, count: limit, signal: context.signal })
        } finally {
          await file.close()
        }
      }),
  })
}

interface AskedLines {
  readonly from: number
  readonly count: number
  readonly signal: AbortSignal
}

async function contentOf(file: FileHandle, path: string, setup: FilesSetup, asked: AskedLines): Promise<ToolOutput> {
  const { size } = await file.stat()
  const start = Buffer.alloc(8192)
  const { bytesRead } = await file.read(start, 0, start.length, 0)
  const begin = start.subarray(0, bytesRead)
  const image = imageTypeOf(begin)
  if (image !== undefined) return imageOf(file, path, image, size, setup.maxImageBytes)
  if (isBinary(begin)) throw fileFailed(path, `it is binary (${size} bytes), not text`)
  const { maxCharacters, maxFileBytes } = setup
  const read = await readLines(file, { ...asked, maxCharacters, maxCountedBytes: maxFileBytes })
  if (read.lines === 0 && asked.from > 1)
    throw fileFailed(path, `it has ${read.total ?? 0} lines, so there is none at offset ${asked.from}`)
  const text = asked.from === 1 ? read.text.replace(/^\ufeff/, '') : read.text
  const note = noteOf(read, asked.from)
  return toolResult({ content: note === '' ? (text === '' ? '(the file is empty)' : text) : `${note}\n${text}` })
}

/** Returns what a reader has to know of lines that are not the whole file. */
function noteOf({ lines, isCut, hasMore, total }: LinesRead, from: number): string {
  if (from === 1 && !hasMore && !isCut) return ''
  const last = from + lines - 1
  const range = `Lines ${from} to ${last} of ${total ?? 'more'}.`
  const cut = isCut ? ` Line ${last} is too long and cut.` : ''
  return `${range}${cut}${hasMore ? ` Go on with offset ${last + 1}.` : ' This is the end.'}`
}

async function imageOf(file: FileHandle, path: string, mediaType: string, size: number, maxBytes: number): Promise<ToolOutput> {
  if (size > maxBytes) throw fileFailed(path, `it is an image (${mediaType}) of ${size} bytes; at most ${maxBytes} can be shown`)
  const bytes = Buffer.alloc(size)
  const { bytesRead } = await file.read(bytes, 0, size, 0)
  const data = bytes.subarray(0, bytesRead).toString('base64')
  return toolResult({ content: [{ type: 'image', mediaType, data }] })
}
