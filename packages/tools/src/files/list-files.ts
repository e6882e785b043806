/** The tool that lists a folder. */
import { defineTool, type Tool, toolResult } from '@beamclaw/core'
import { z } from 'zod'
import { resolveInside } from '../workspace/resolve-inside.ts'
import { inWords } from './file-errors.ts'
import { type FilesSetup, workspaceOf } from './files-options.ts'
import { type WalkedEntry, walk } from './walk.ts'

const input = z.object({
  path: z.string().min(1).max(4096).optional().describe('The folder, relative to the workspace. Default the workspace itself'),
  depth: z.int().min(1).max(20).optional().describe('How many levels to list. Default 1'),
})

const mostEntries = 1000

/** Returns the tool `list_files`. */
export function listFilesTool(setup: FilesSetup): Tool<z.infer<typeof input>, unknown> {
  return defineTool({
    name: 'list_files',
    description:
      'Lists a folder: folders end with a slash, links with an at sign. With depth also the folders in it, but not what is in .git and node_modules.',
    input,
    idempotent: true,
    maxAttempts: 1,
    execute: async ({ path = '.', depth = 1 }, context) =>
      inWords(path, async () => {
        const root = await workspaceOf(setup, context)
        const lines: string[] = []
        let characters = 0
        for await (const entry of walk(root, await resolveInside(root, path), { maxDepth: depth, signal: context.signal })) {
          const line = lineOf(entry)
          characters += line.length + 1
          if (lines.length === mostEntries || characters > setup.maxCharacters) {
            lines.push('… and more: list a folder in it, or fewer levels')
            break
          }
          lines.push(line)
        }
        return toolResult({ content: lines.length === 0 ? '(the folder is empty)' : lines.join('\n') })
      }),
  })
}

const marks = { file: '', folder: '/', link: '@', other: '?' } as const

/** A name with a line end must not look like two. */
function lineOf({ path, type }: WalkedEntry): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: names may have them.
  return `${path.toWellFormed().replaceAll(/[\u0000-\u001f\u007f]/g, (control) => JSON.stringify(control).slice(1, -1))}${marks[type]}`
}
