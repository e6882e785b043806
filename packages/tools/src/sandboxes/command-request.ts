/** The check of a request by its form, before anything on the disk is looked at. */
import type { CommandLimits, CommandRequest, TerminalSize } from '@beamclaw/core'
import { commandRefused } from './command-error.ts'
import { checkEnvironment, isPlainObject } from './environment.ts'

const maxWords = 4_096
// Linux takes 128 KiB for one word, and 2 MiB for all with the environment.
const maxWordBytes = 128 * 1024 - 1
const maxTotalBytes = 1024 * 1024

/** A request whose form is right, with every default filled in. */
export interface CheckedRequest {
  readonly argv: readonly [string, ...string[]]
  readonly workspace: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly network: boolean
  readonly limits: CommandLimits
  readonly terminal?: TerminalSize
}

/** Returns the request with its defaults; throws `command-refused`. What the caller changes later is not seen. */
export function checkRequest(request: CommandRequest): CheckedRequest {
  const { argv, workspace, cwd = '.', network = false, terminal } = request
  checkWords(argv)
  for (const [name, path] of [
    ['workspace', workspace],
    ['cwd', cwd],
  ] as const) {
    if (typeof path !== 'string' || path === '' || path.includes('\0')) throw commandRefused(`${name} must be a path, without NUL`)
  }
  if (typeof network !== 'boolean') throw commandRefused('network must be true or false')
  const [program, ...args] = argv
  return {
    argv: [program, ...args],
    workspace,
    cwd,
    env: checkEnvironment(request.env),
    network,
    limits: checkLimits(request.limits === undefined ? {} : request.limits),
    ...(terminal === undefined ? {} : { terminal: checkSize(terminal) }),
  }
}

function checkWords(argv: readonly string[]): void {
  if (!Array.isArray(argv) || argv.length === 0) throw commandRefused('argv must be an array with a program')
  if (argv.length > maxWords) throw commandRefused(`argv has ${argv.length} words, at most ${maxWords} may be given`)
  let total = 0
  for (const [index, word] of argv.entries()) {
    if (typeof word !== 'string') throw commandRefused(`word ${index} of argv is not a text`)
    if (word.includes('\0')) throw commandRefused(`word ${index} of argv has a NUL character`)
    const size = Buffer.byteLength(word)
    if (size > maxWordBytes) throw commandRefused(`word ${index} of argv has more than ${maxWordBytes} bytes; write it to a file`)
    total += size + 1
  }
  if (total > maxTotalBytes) throw commandRefused(`argv has more than ${maxTotalBytes} bytes; write them to a file`)
  if (argv[0] === '') throw commandRefused('the program has no name')
}

const limitNames = ['cpuSeconds', 'memoryBytes', 'processes', 'fileBytes', 'openFiles'] as const satisfies readonly (keyof CommandLimits)[]

function checkLimits(limits: CommandLimits): CommandLimits {
  if (!isPlainObject(limits)) throw commandRefused('limits must be an object')
  for (const name of Object.keys(limits)) {
    if (!(limitNames as readonly string[]).includes(name)) throw commandRefused(`there is no limit ${JSON.stringify(name.slice(0, 100))}`)
  }
  const given = limitNames.filter((name) => limits[name] !== undefined)
  for (const name of given) {
    const value = limits[name]
    if (!Number.isSafeInteger(value) || (value as number) < 1) throw commandRefused(`limit ${name} must be a whole number from 1`)
  }
  return Object.fromEntries(given.map((name) => [name, limits[name]]))
}

/** Returns a copy of the size; throws `command-refused` for one that no terminal can have. */
export function checkSize({ columns, rows }: TerminalSize): TerminalSize {
  for (const value of [columns, rows]) {
    if (!Number.isInteger(value) || value < 1 || value > 10_000) throw commandRefused('a terminal has 1 to 10000 columns and rows')
  }
  return { columns, rows }
}
