/** Options that a command may have, by an allow-list. Every word that begins with `-` has to be on it, wherever it stands: then it does not matter which words are values. */
import { wordsOf } from './program-names.ts'

/** Names of options, as `optionNames` reads them. */
export interface OptionNames {
  /** Long options, by whether a `=` may follow. */
  readonly long: ReadonlyMap<string, 'may' | 'must' | 'never'>
  readonly letters: ReadonlySet<string>
  /** Letters that take the rest of their word as a value. */
  readonly valued: ReadonlySet<string>
  /** Whether a number is an option, as in `-5`. */
  readonly hasNumbers: boolean
}

/** Reads a list: `--name`, `--name=` (only with a value), `--name!` (never with one), `-x`, `-x:` (with a value), `-#` (a number). */
export function optionNames(text: string): OptionNames {
  const long = new Map<string, 'may' | 'must' | 'never'>()
  const letters = new Set<string>()
  const valued = new Set<string>()
  let hasNumbers = false
  for (const word of wordsOf(text)) {
    if (word === '-#') hasNumbers = true
    else if (word.startsWith('--')) long.set(word.replace(/[=!]$/, ''), word.endsWith('=') ? 'must' : word.endsWith('!') ? 'never' : 'may')
    else (word.endsWith(':') ? valued : letters).add(word.slice(1, 2))
  }
  return { long, letters, valued, hasNumbers }
}

/** Returns true when every option among the words is named. Beginnings of long options are not: they may be that of another one in the next version. */
export function areNamed(args: readonly string[], names: OptionNames): boolean {
  return args.every((arg) => !arg.startsWith('-') || arg === '-' || arg === '--' || isNamed(arg, names))
}

/** Returns the names of the options before `--`: `--name` and single letters. */
export function givenOptions(args: readonly string[], { valued }: OptionNames): ReadonlySet<string> {
  const found = new Set<string>()
  const end = args.indexOf('--')
  for (const arg of end === -1 ? args : args.slice(0, end)) {
    if (arg.startsWith('--')) found.add(arg.split('=', 1)[0] ?? arg)
    else if (arg.startsWith('-'))
      for (const letter of arg.slice(1)) {
        found.add(`-${letter}`)
        if (valued.has(letter)) break
      }
  }
  return found
}

function isNamed(arg: string, { long, letters, valued, hasNumbers }: OptionNames): boolean {
  if (arg.startsWith('--')) {
    const [name = ''] = arg.split('=', 1)
    const value = long.get(name)
    return value !== undefined && (value === 'may' || (value === 'must') === arg.includes('='))
  }
  if (hasNumbers && /^-\d+$/.test(arg)) return true
  for (const letter of arg.slice(1)) {
    if (valued.has(letter)) return true
    if (!letters.has(letter)) return false
  }
  return true
}
