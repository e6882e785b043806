/** Files that an interpreter may load for a module, of which only the name is given. */
import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const endings = [
  ...['.js', '.cjs', '.mjs', '.json', '.node', '.ts', '.mts', '.cts', '.jsx', '.tsx'],
  ...['.py', '.pyc', '.rb', '.pl', '.pm', '.lua', '.php'],
]
const entries = [...endings.map((ending) => `index${ending}`), '__main__.py', '__init__.py']
const maxSettingsBytes = 1024 * 1024

/** Returns the paths that a module may have, whether or not there is a file: with an ending, in a folder, and for `a.b` also `a/b`. */
export function moduleFiles(path: string): readonly string[] {
  const dotted = basename(path)
  const bases = /^\w+(?:\.\w+)+$/.test(dotted) ? [path, join(dirname(path), dotted.replaceAll('.', '/'))] : [path]
  return bases.flatMap((base) => [...endings.map((ending) => base + ending), ...(isFolder(base) ? inFolder(base) : [])])
}

function inFolder(folder: string): readonly string[] {
  const settings = join(folder, 'package.json')
  const main = mainOf(settings)
  const named = main === undefined ? [] : [join(folder, main), ...endings.map((ending) => join(folder, main) + ending)]
  const inNamed = main === undefined ? [] : entries.map((entry) => join(folder, main, entry))
  return [settings, ...named, ...inNamed, ...entries.map((entry) => join(folder, entry))]
}

/** Returns the main file that a package names; undefined where it names none that can be read. */
function mainOf(settings: string): string | undefined {
  try {
    if (statSync(settings).size > maxSettingsBytes) return undefined
    const { main } = JSON.parse(readFileSync(settings, 'utf8'))
    return typeof main === 'string' && !main.includes('\0') ? main : undefined
  } catch {
    return undefined
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
