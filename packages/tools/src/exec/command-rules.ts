/** Which commands a grant may cover: known programs of the system, with arguments that run nothing else. Everything else is approved each time. */
import { carefulNames, goesBy, knownPrograms } from './known-programs.ts'
import { builtinNames, runsAnything } from './program-names.ts'
import { isOutOfReach, isSystemPath, type Ownership } from './system-programs.ts'

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
  /** Tells who owns a path; the files of this machine where it is absent. */
  readonly look?: ((path: string) => Ownership | undefined) | undefined
  /** Programs that the operator has added to the known ones. */
  readonly rememberable: ReadonlySet<string>
}

/** One condition of a command that a grant may cover. All have to hold. */
export interface CommandRule {
  readonly name: string
  readonly holds: (command: FoundCommand) => boolean
}

const builtins: ReadonlySet<string> = new Set(builtinNames)

/** The rules of commands. Each is needed: the corpus of bypasses has a command that only this rule refuses. */
export const commandRules: readonly CommandRule[] = [
  { name: 'builtin', holds: ({ given, argv, isShell }) => !isShell || (!builtins.has(given[0]) && !builtins.has(argv[0])) },
  // No character that a terminal or a person may read as another.
  { name: 'printable', holds: ({ given }) => given.every((word) => /^[^\p{C}\p{Zl}\p{Zp}]*$/u.test(word)) },
  { name: 'known', holds: ({ path, rememberable }) => isKnown(baseOf(path), rememberable) },
  { name: 'own-name', holds: ({ argv: [name], path }) => goesBy(baseOf(path), baseOf(name)) },
  // A shell looks the path up again when it runs the command: no link that commands can change.
  { name: 'named-path', holds: ({ argv: [name] }) => !name.includes('/') || isSystemPath(name) },
  {
    name: 'system-folder',
    holds: ({ path, workspace, look }) =>
      isSystemPath(path) && isOutOfReach(path, look) && !path.startsWith(`${workspace.replace(/\/$/, '')}/`),
  },
  ...carefulNames.map((program) => ({
    name: program,
    holds: ({ argv: [, ...args], path }: FoundCommand) => baseOf(path) !== program || knownPrograms.get(program)?.(args) === true,
  })),
]

/** Returns true for a name that an operator may add: a plain name of no shell, interpreter, editor, wrapper or client. */
export function mayBeAdded(name: unknown): name is string {
  return typeof name === 'string' && /^[A-Za-z0-9][\w.+-]{0,99}$/.test(name) && !runsAnything(name)
}

function isKnown(file: string, rememberable: ReadonlySet<string>): boolean {
  return knownPrograms.has(file) || rememberable.has(file)
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
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
