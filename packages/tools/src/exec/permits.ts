/** What a command does, for grants: one permit for each program that it runs, or none where that cannot be told exactly. */
import type { CommandRequest, Permit, Sandbox } from '@beamclaw/core'
import { type Argv, type CommandRule, commandRules, type FoundCommand, unwrapped } from './command-rules.ts'
import { plainCommands, type TextRule, textRules } from './shell-words.ts'

/** A command as the model has asked for it. */
export type CommandText = { readonly shell: string } | { readonly argv: Argv }

/** Where programs are looked up: the request without its arguments, and the programs that the operator has added to the known ones. */
export interface ProgramPlace extends Pick<CommandRequest, 'workspace' | 'cwd'> {
  readonly rememberable?: ReadonlySet<string>
  /** Tells who owns a path; the files of this machine where it is absent. */
  readonly look?: FoundCommand['look']
}

/** The rules that decide. */
export interface PermitRules {
  readonly text: readonly TextRule[]
  readonly command: readonly CommandRule[]
}

const allRules: PermitRules = { text: textRules, command: commandRules }

/** Returns the permits; undefined for a command that must not be remembered. Never rejects: what cannot be found out is not remembered. */
export async function permitsOf(
  command: CommandText,
  sandbox: Sandbox,
  place: ProgramPlace,
  rules: PermitRules = allRules,
): Promise<readonly Permit[] | undefined> {
  const isShell = 'shell' in command
  const { rememberable = new Set<string>(), look, ...where } = place
  const commands = isShell ? plainCommands(command.shell, rules.text) : [command.argv]
  if (commands === undefined || commands.length === 0) return undefined
  const permits: Permit[] = []
  for (const given of commands) {
    const argv = unwrapped(given)
    const path = argv === undefined ? undefined : await programOf(argv[0], sandbox, where)
    if (argv === undefined || path === undefined) return undefined
    const found = { given, argv, path, isShell, workspace: where.workspace, rememberable, look }
    if (!rules.command.every(({ holds }) => holds(found))) return undefined
    permits.push({ subject: `exec:${sandbox.id}:${path}`, args: argv.slice(1) })
  }
  return permits
}

/** Returns the real path of a program; undefined where there is none, or the sandbox cannot tell. */
async function programOf(name: string, sandbox: Sandbox, place: Pick<CommandRequest, 'workspace' | 'cwd'>): Promise<string | undefined> {
  try {
    const { executable } = await sandbox.prepare({ argv: [name], ...place })
    return executable?.path
  } catch {
    return undefined
  }
}
