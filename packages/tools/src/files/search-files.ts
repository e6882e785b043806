/** The tool that searches the text of files. */
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { BeamClawError, type Clock, defineTool, SystemClock, type Tool, toolResult } from '@beamclaw/core'
import { z } from 'zod'
import { readInside } from '../workspace/files-inside.ts'
import { resolveInside } from '../workspace/resolve-inside.ts'
import { shownPath } from './file-change.ts'
import { inWords } from './file-errors.ts'
import { type FilesSetup, workspaceOf } from './files-options.ts'
import { type LineMatcher, lineMatcher, type SearchQuery } from './line-matcher.ts'
import { matchesName } from './name-pattern.ts'
import { findRipgrep, ripgrepCandidates } from './ripgrep.ts'
import { isBinary } from './text-file.ts'
import { walk } from './walk.ts'

const input = z.object({
  query: z.string().min(1).max(1000).describe('The text to look for, within one line'),
  path: z.string().min(1).max(4096).optional().describe('The folder to search, relative to the workspace. Default the workspace itself'),
  name: z.string().min(1).max(200).optional().describe('Only files with such a name: * is any text, ? any character. For example *.ts'),
  regex: z.boolean().optional().describe('Whether the query is a regular expression of JavaScript. Default false'),
  ignoreCase: z.boolean().optional().describe('Default false'),
  maxResults: z.int().min(1).max(1000).optional().describe('The most lines to return. Default 100'),
})

const limits = { results: 100, depth: 50, lineCharacters: 300 }

/** Replaced by tests. */
export interface SearchMeans {
  readonly clock: Clock
  /** The path of ripgrep; `undefined` without it. */
  readonly ripgrep: (realRoot: string) => Promise<string | undefined>
}

const systemMeans: SearchMeans = { clock: new SystemClock(), ripgrep: (realRoot) => findRipgrep(realRoot) }

interface Search extends SearchQuery {
  readonly root: string
  /** Real paths. */
  readonly realRoot: string
  readonly folder: string
  readonly name: string | undefined
  readonly maxFileBytes: number
  readonly signal: AbortSignal
}

/** Returns the tool `search_files`. */
export function searchFilesTool(setup: FilesSetup, means: SearchMeans = systemMeans): Tool<z.infer<typeof input>, unknown> {
  return defineTool({
    name: 'search_files',
    description:
      'Finds the lines of text files that have a text or match a regular expression, as path:line: text. Files in .git and node_modules, binary and very large files are left out.',
    input,
    idempotent: true,
    maxAttempts: 1,
    execute: async ({ query, path = '.', name, regex = false, ignoreCase = false, maxResults = limits.results }, context) =>
      inWords(path, async () => {
        const root = await workspaceOf(setup, context)
        const [realRoot, folder] = [await realpath(root), await resolveInside(root, path)]
        const { signal } = context
        const search: Search = { root, realRoot, folder, query, isRegex: regex, ignoreCase, name, maxFileBytes: setup.maxFileBytes, signal }
        const matcher = lineMatcher(search, means.clock)
        const onAbort = (): void => void matcher.close()
        signal.addEventListener('abort', onAbort, { once: true })
        try {
          return toolResult({ content: await found(search, matcher, means, { maxResults, maxCharacters: setup.maxCharacters }) })
        } finally {
          signal.removeEventListener('abort', onAbort)
          await matcher.close()
        }
      }),
  })
}

interface ResultLimits {
  readonly maxResults: number
  readonly maxCharacters: number
}

async function found(
  search: Search,
  matcher: LineMatcher,
  means: SearchMeans,
  { maxResults, maxCharacters }: ResultLimits,
): Promise<string> {
  const results: string[] = []
  let characters = 0
  for await (const path of candidates(search, means)) {
    const lines = await linesOf(search, path, matcher)
    for (const line of lines) {
      characters += line.length + 1
      if (results.length === maxResults || characters > maxCharacters)
        return [...results, '… and more: search a folder in it, or for more'].join('\n')
      results.push(line)
    }
  }
  return results.length === 0 ? 'Nothing was found.' : results.join('\n')
}

/** Yields paths below the folder of the search. */
async function* candidates(search: Search, means: SearchMeans): AsyncGenerator<string> {
  const { root, realRoot, folder, name, isRegex, query, signal } = search
  const isNamed = (path: string): boolean => name === undefined || matchesName(path.slice(path.lastIndexOf('/') + 1), name)
  // Its expressions are of another kind, and a line end would never match.
  const program = isRegex || /[\r\n\0]/.test(query) ? undefined : await means.ripgrep(realRoot)
  if (program !== undefined) {
    for await (const path of ripgrepCandidates({ ...search, program })) if (isNamed(path)) yield path
    return
  }
  for await (const { path, type } of walk(root, folder, { maxDepth: limits.depth, signal }))
    if (type === 'file' && isNamed(path)) yield path
}

async function linesOf(
  { root, realRoot, folder, maxFileBytes, signal }: Search,
  path: string,
  matcher: LineMatcher,
): Promise<readonly string[]> {
  signal.throwIfAborted()
  const file = join(folder, path)
  const bytes = await readInside(root, file, maxFileBytes).catch(passOver)
  if (bytes === undefined || isBinary(bytes)) return []
  const text = new TextDecoder().decode(bytes)
  const numbers = await untilAborted(matcher.linesIn(text), signal)
  if (numbers.length === 0) return []
  const lines = text.split('\n')
  const shown = shownPath(realRoot, file)
  return numbers.map((number) => `${shown}:${number}: ${shortened(lines[number - 1] ?? '')}`)
}

/** A file that is gone, too large, refused or closed to this process is not searched. */
function passOver(error: unknown): undefined {
  if (BeamClawError.isInstance(error) || (error instanceof Error && 'code' in error)) return undefined
  throw error
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function shortened(line: string): string {
  const text = line.replace(/\r$/, '')
  return text.length <= limits.lineCharacters ? text : `${text.slice(0, limits.lineCharacters).toWellFormed()}…`
}
