/** Candidates of a search by ripgrep, where it is installed: it is much faster than reading every file here. */
import { spawn } from 'node:child_process'
import { access, constants, realpath } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { createInterface } from 'node:readline'
import { isWithin } from '../workspace/resolve-inside.ts'
import type { SearchQuery } from './line-matcher.ts'

/** What ripgrep searches. */
export interface RipgrepSearch extends SearchQuery {
  readonly program: string
  /** The real path of the folder. */
  readonly folder: string
  readonly maxFileBytes: number
  readonly signal: AbortSignal
}

/** Resolves with the path of ripgrep; `undefined` without it. A program inside the workspace is not taken: a model may have written it. */
export async function findRipgrep(realRoot: string, path = process.env.PATH ?? ''): Promise<string | undefined> {
  const name = process.platform === 'win32' ? 'rg.exe' : 'rg'
  for (const folder of path.split(delimiter)) {
    if (!isAbsolute(folder)) continue
    const program = await realpath(join(folder, name)).catch(() => undefined)
    if (program === undefined || isWithin(realRoot, program)) continue
    const isExecutable = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isExecutable) return program
  }
  return undefined
}

/**
 * Yields the paths, relative to the folder, of the files that seem to match. They are candidates: ripgrep walks by itself, so the caller opens each file
 * inside the workspace, and looks for the lines again.
 */
export async function* ripgrepCandidates({
  program,
  folder,
  query,
  ignoreCase,
  maxFileBytes,
  signal,
}: RipgrepSearch): AsyncGenerator<string> {
  const fixed = [
    '--no-config',
    '--no-messages',
    '--color=never',
    '--files-with-matches',
    '--sort=path',
    '--hidden',
    '--no-ignore',
    '--fixed-strings',
  ]
  const skipped = ['.git', '.hg', '.svn', 'node_modules'].flatMap((name) => ['--glob', `!**/${name}/**`])
  const limits = [`--max-filesize=${maxFileBytes}`, ...(ignoreCase ? ['--ignore-case'] : [])]
  const child = spawn(program, [...fixed, ...skipped, ...limits, '--regexp', query, '.'], {
    cwd: folder,
    env: {},
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
    killSignal: 'SIGKILL',
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()))
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      signal.throwIfAborted()
      yield line.replace(/^\.[/\\]/, '').replaceAll('\\', process.platform === 'win32' ? '/' : '\\')
    }
    signal.throwIfAborted()
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}
