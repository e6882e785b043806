/** The real path of a file or folder in the workspace, with every symbolic link resolved. */
import { lstat, realpath } from 'node:fs/promises'
import { isAbsolute, join, resolve, sep } from 'node:path'
import { namesBelow } from './lexical-path.ts'
import { pathRefused, systemCode } from './path-refused.ts'

/**
 * Resolves with the real path of `path`, relative to `root` or absolute below it. What does not exist yet keeps its names below the deepest folder that
 * does. Rejects `path-outside-workspace` when the words or a link lead out, at a link that leads nowhere, and at a loop of links; with the system's error
 * when the root is missing or may not be read.
 *
 * The answer holds for this moment: to open the file, give it to `openInside`, which checks again what it has opened.
 */
export async function resolveInside(root: string, path: string): Promise<string> {
  const { realRoot, names } = await locateInside(root, path)
  for (let depth = names.length; depth >= 0; depth--) {
    const existing = await realPathOf(join(realRoot, ...names.slice(0, depth)), path)
    if (existing === undefined) continue
    if (!isWithin(realRoot, existing)) throw pathRefused(path, 'a symbolic link in it leads out of the workspace')
    return join(existing, ...names.slice(depth))
  }
  // The root was removed since.
  throw pathRefused(path, 'the workspace is gone')
}

/** A path by its words: the names that lead to it from the real path of the root. */
export interface Location {
  readonly realRoot: string
  readonly names: readonly string[]
}

/** Resolves with where a path lies by its words. An absolute one may begin with the root as it was given, or with its real path. */
export async function locateInside(root: string, path: string): Promise<Location> {
  const realRoot = await realpath(root)
  const isReal = typeof path === 'string' && isAbsolute(path) && isWithin(realRoot, resolve(path))
  return { realRoot, names: namesBelow(isReal ? realRoot : resolve(root), path) }
}

/** Returns true for the folder itself and for all below it. Both are real paths. */
export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`)
}

async function realPathOf(absolute: string, path: string): Promise<string | undefined> {
  try {
    return await realpath(absolute)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ELOOP') throw pathRefused(path, 'its symbolic links form a loop', error)
    if (code !== 'ENOENT') throw error
    if (await isLink(absolute)) throw pathRefused(path, 'a symbolic link in it leads nowhere', error)
    return undefined
  }
}

async function isLink(absolute: string): Promise<boolean> {
  try {
    return (await lstat(absolute)).isSymbolicLink()
  } catch {
    return false
  }
}
