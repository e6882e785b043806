/** Finds the program of a command, and the scripts among its arguments. */
import { accessSync, constants, type Stats, statSync } from 'node:fs'
import { basename, isAbsolute, join } from 'node:path'
import { findsModules, runsFiles } from '../exec/program-names.ts'
import { commandNotFound, commandRefused } from './command-error.ts'
import { moduleFiles } from './module-files.ts'

const maxScripts = 32
// A larger file among the words is data.
const maxScriptBytes = 64 * 1024 * 1024

/**
 * Returns the path of a program: one without a slash from the folders, any other relative to the working directory. Throws `command-not-found`, and
 * `command-refused` for what cannot be run. Symbolic links in it are not resolved.
 */
export function findProgram(name: string, folders: readonly string[], cwd: string): string {
  if (name.includes('/')) {
    const path = isAbsolute(name) ? name : join(cwd, name)
    const found = statOf(path)
    if (found === undefined) throw commandNotFound(name, 'there')
    if (!isRunnable(path, found)) throw commandRefused(`${JSON.stringify(name)} is not an executable file`)
    return path
  }
  for (const folder of folders) {
    const path = join(folder, name)
    const found = statOf(path)
    if (found !== undefined && isRunnable(path, found)) return path
  }
  throw commandNotFound(name, `in ${folders.join(', ')}`)
}

/**
 * Returns the files that the words name when the program is one that runs files, as absolute paths. A word may be an option with the file in it
 * (`--name=file`, `-rfile`), and of an interpreter that finds modules also a module (`./mod` for `mod.js`, `-m package.module`). Wrappers are looked through
 * by taking all words: which of them is the command of which wrapper does not matter.
 */
export function scriptWords(program: string, args: readonly string[], toHost: (word: string) => string | undefined): readonly string[] {
  if (!runsFiles(basename(program))) return []
  const hasModules = [program, ...args].some((word) => findsModules(basename(word)))
  const found = new Set<string>()
  for (const [index, word] of args.entries()) {
    const paths = namesIn(word).flatMap((name) => (name === '' ? [] : (toHost(name) ?? [])))
    const files = paths.flatMap((path) => (hasModules ? [path, ...moduleFiles(path)] : [path])).filter((file) => statOf(file)?.isFile())
    for (const file of files) if (isScript(file, word, found.size > 0)) found.add(file)
    if (found.size > maxScripts) throw commandRefused(`it names more than ${maxScripts} files to run`)
    const isMissing = hasModules && files.length === 0 && paths.length > 0
    if (isMissing && isModulePath(word, args[index - 1] ?? program))
      throw commandRefused(`${JSON.stringify(word)} is no file or module that can be found; name the file with its ending`)
  }
  return [...found]
}

const moduleOption = /^(?:-r|--require|--import|--loader|--experimental-loader)$/

/** Returns true for a path that is run for certain: it stands just after the interpreter, or after an option that loads a module. */
function isModulePath(word: string, before: string): boolean {
  return /^(?:\/(?!dev\/)|\.{1,2}(?:\/|$))/.test(word) && (findsModules(basename(before)) || moduleOption.test(before))
}

/** Returns what a word may name: itself, or the value in an option. */
function namesIn(word: string): readonly string[] {
  if (!word.startsWith('-')) return [word]
  const value = word.slice(word.indexOf('=') + 1)
  return word.startsWith('--') ? [value] : [value, word.slice(2)]
}

function isScript(path: string, word: string, hasOthers: boolean): boolean {
  if ((statOf(path)?.size ?? 0) <= maxScriptBytes) return true
  if (hasOthers) return false
  throw commandRefused(`the script ${JSON.stringify(word)} has more than ${maxScriptBytes} bytes`)
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

function isRunnable(path: string, found: Stats): boolean {
  if (!found.isFile()) return false
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
