/** Which commands a grant may cover. A command that runs another one, or a program that is given in its arguments or its input, is not covered. */
import { builtinNames, runnerNames } from './program-names.ts'

/** A command of plain words. */
export type Argv = readonly [string, ...string[]]

/** A command whose program was found. */
export interface FoundCommand {
  /** The command as it was given, with its wrappers. */
  readonly given: Argv
  /** The command that the wrappers run. */
  readonly argv: Argv
  /** Real path of its program. */
  readonly path: string
  readonly isShell: boolean
  readonly workspace: string
}

/** One condition of a command that a grant may cover. All have to hold. */
export interface CommandRule {
  readonly name: string
  readonly holds: (command: FoundCommand) => boolean
}

const builtins: ReadonlySet<string> = new Set(builtinNames)

const escaped = (name: string): string => name.replaceAll(/[.+]/g, '\\$&')
const runner = new RegExp(`^(?:git-.*|(?:${runnerNames.map(escaped).join('|')})(?:[-.\\d].*)?)$`, 'i')

/** Folders that commands can write to: what a name in them means changes. */
const writable = ['/workspace', '/tmp', '/var/tmp', '/dev/shm', '/run']

/** Subcommands of git that are no alias, ask for no other program, and run none that their arguments name. */
const gitCommands: ReadonlySet<string> = new Set(
  `add blame branch cat-file check-ignore checkout cherry-pick commit describe diff init log ls-files ls-tree merge mv
    name-rev reflog reset restore rev-list rev-parse revert rm shortlog show show-ref stash status switch tag fetch pull
    push ls-remote`.split(/\s+/),
)

/** Options that name a program, also in short: git takes the beginning of a long option for the option. `::` names a transport, which may be a program. */
const riskyGit = /^--(?:e|up|rec|rep|text|open|str|gpg)|^-S|::/

function isPlainGit([command = '', ...args]: readonly string[]): boolean {
  return gitCommands.has(command) && !args.some((arg) => riskyGit.test(arg))
}

function isOperand(arg: string): boolean {
  return !arg.startsWith('-')
}

/** Programs that are covered only with arguments that pass. */
const careful: readonly (readonly [name: string, holds: (args: readonly string[]) => boolean])[] = [
  ['git', isPlainGit],
  ['find', (args) => !args.some((arg) => /^-(?:exec|ok|fls|fprint|delete)/.test(arg))],
  ['sort', (args) => !args.some((arg) => /^--[cf]/.test(arg))],
  ['rg', (args) => !args.some((arg) => /^--(?:pre|hostname|search-zip)|^-[A-Za-z]*z/.test(arg))],
  ['sed', (args) => args[0] === '-n' && /^\d+(?:,(?:\d+|\$))?p$/.test(args[1] ?? '') && args.slice(2).every(isOperand)],
  ['tar', (args) => args.every((arg, index) => (index === 0 ? /^-?[ctxvzjJfpk]+$/.test(arg) : isOperand(arg) || arg === '-C'))],
]

/** The rules of commands. Each is needed: the corpus of bypasses has a command that only this rule refuses. */
export const commandRules: readonly CommandRule[] = [
  { name: 'builtin', holds: ({ given, argv, isShell }) => !isShell || (!builtins.has(given[0]) && !builtins.has(argv[0])) },
  // No character that a terminal or a person may read as another.
  { name: 'printable', holds: ({ given }) => given.every((word) => /^[^\p{C}\p{Zl}\p{Zp}]*$/u.test(word)) },
  { name: 'runner', holds: ({ argv: [name] }) => !runner.test(baseOf(name)) },
  { name: 'runner-file', holds: ({ path }) => !runner.test(baseOf(path)) },
  { name: 'relative-path', holds: ({ argv: [name] }) => name.startsWith('/') || !name.includes('/') },
  { name: 'writable-folder', holds: ({ path, workspace }) => ![...writable, workspace].some((folder) => isBelow(path, folder)) },
  ...careful.map(([program, holds]) => ({
    name: program,
    holds: ({ argv: [name, ...args], path }: FoundCommand) =>
      ![name, path].some((one) => baseOf(one).toLowerCase() === program) || holds(args),
  })),
]

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder.replace(/\/$/, '')}/`)
}

const aDuration = /^\d+(?:\.\d+)?[smhd]?$/
const aNumber = /^-?\d{1,3}$/

/**
 * Returns the command that plain wrappers run: `nohup X`, `nice X`, `nice -n 5 X`, `timeout 10 X`, `time X`; the command itself where there is no wrapper.
 * Undefined for a wrapper with anything else: its options may say more.
 */
export function unwrapped(argv: Argv): Argv | undefined {
  let rest: readonly string[] = argv
  for (let depth = 0; depth < 4; depth++) {
    const [name = '', first = '', second = ''] = rest
    if (name === 'nohup' || name === 'time') rest = rest.slice(1)
    else if (name === 'nice') rest = first === '-n' && aNumber.test(second) ? rest.slice(3) : rest.slice(1)
    else if (name === 'timeout') rest = aDuration.test(first) ? rest.slice(2) : []
    else return rest as Argv
    if (rest.length === 0 || rest[0]?.startsWith('-') === true) return undefined
  }
  return undefined
}
