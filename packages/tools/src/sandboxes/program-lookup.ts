/** Finds the program of a command, and the scripts among its arguments. */
import { accessSync, constants, type Stats, statSync } from 'node:fs'
import { basename, isAbsolute, join } from 'node:path'
import { commandNotFound, commandRefused } from './command-error.ts'

const maxScripts = 32
// A larger file among the words is data.
const maxScriptBytes = 64 * 1024 * 1024

const interpreter =
  /^(?:(?:ba|da|z|k|mk|c|tc|fi|a|r)?sh|busybox|python[\d.]*|pypy[\d.]*|node|nodejs|deno|bun|tsx|ts-node|ruby[\d.]*|perl[\d.]*|php[\d.]*|lua(?:jit)?[\d.]*|[gmn]?awk|sed|g?make|env|tclsh[\d.]*|wish[\d.]*|expect|Rscript|java|guile[\d.]*|sbcl|clisp|ghci?|runghc|erl|escript|elixir|julia|osascript|pwsh|qjs|gdb|vim?|emacs|xargs|nohup|nice|timeout|stdbuf|setsid|time|sudo|doas)(?:-[\d.]+)?$/

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

/** Returns the words that name files when the program is one that runs files, as absolute paths; `--name=file` counts as the file. */
export function scriptWords(program: string, args: readonly string[], toHost: (word: string) => string | undefined): readonly string[] {
  if (!interpreter.test(basename(program))) return []
  const found: string[] = []
  for (const word of args) {
    const path = toHost(word.startsWith('-') ? word.slice(word.indexOf('=') + 1) : word)
    const facts = path === undefined ? undefined : statOf(path)
    if (path === undefined || !facts?.isFile() || found.includes(path)) continue
    if (facts.size > maxScriptBytes && found.length > 0) continue
    if (facts.size > maxScriptBytes) throw commandRefused(`the script ${JSON.stringify(word)} has more than ${maxScriptBytes} bytes`)
    found.push(path)
    if (found.length > maxScripts) throw commandRefused(`it names more than ${maxScripts} files to run`)
  }
  return found
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
