/** Plans a command: it is prepared once, shown whole, and then run just as it was shown. */
import { createHash } from 'node:crypto'
import { BeamClawError, type JsonValue, type PreparedCommand, type SandboxProbe, type ToolPlan } from '@beamclaw/core'
import type { ExecInput, ExecMode } from './exec-input.ts'
import { type ExecSettings, type ExecSite, sandboxOf } from './exec-options.ts'
import { type CommandText, permitsOf } from './permits.ts'
import { factLine, markedLines } from './shown-lines.ts'

/** What is approved, and then executed. It is JSON. */
export interface ExecDetail {
  readonly prepared: PreparedCommand
  readonly mode: ExecMode
  /** The command line for people. */
  readonly label: string
  /** SHA-256 of the input of the command, in hexadecimal; null without input. */
  readonly stdinSha256: string | null
  /** Names of the variables of all commands; a plan has no values of theirs, as these may be secrets. Absent in what an earlier version has planned. */
  readonly usual?: readonly string[]
  readonly background: boolean
  readonly timeoutMs: number | null
}

/** The size of the terminal of a command that asks for one. */
const terminal = { columns: 120, rows: 40 }

/** Arguments of the shells; never a login shell, and none that reads a file first. */
const shells = { sh: ['/bin/sh', '-c'], bash: ['/bin/bash', '--norc', '--noprofile', '-c'] } as const

/** Returns the detail of a call. Rejects as `Sandbox.prepare` does. */
export async function prepareExec(input: ExecInput, settings: ExecSettings, site: ExecSite): Promise<ExecDetail> {
  const { mode, sandbox } = sandboxOf(settings, input.mode)
  const { cwd, stdin, pty = false, background = false } = input
  const prepared = await sandbox.prepare({
    argv: argvOf(input),
    workspace: workspaceOf(settings, site),
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...settings.env, ...input.env },
    network: settings.network ?? false,
    limits: settings.limits ?? {},
    ...(pty ? { terminal } : {}),
  })
  const timeouts = [input.timeoutMs, settings.timeoutMs].filter((ms) => ms !== undefined)
  return {
    prepared,
    mode,
    label: labelOf(input),
    stdinSha256: stdin === undefined ? null : sha256(stdin),
    background,
    timeoutMs: timeouts.length === 0 ? null : Math.min(...timeouts),
  }
}

/** Returns the plan of a call. Rejects as `Sandbox.prepare` does. */
export async function planExec(input: ExecInput, settings: ExecSettings, site: ExecSite): Promise<ToolPlan> {
  const detail = await prepareExec(input, settings, site)
  const { sandbox } = sandboxOf(settings, input.mode)
  const { rememberable } = settings
  const place = { workspace: workspaceOf(settings, site), rememberable, ...(input.cwd === undefined ? {} : { cwd: input.cwd }) }
  // Variables, input and a terminal can make a program do something else than its arguments say: in a terminal it asks, opens editors and pagers.
  const { enforces } = await sandbox.probe()
  const isPlain = Object.keys(input.env ?? {}).length === 0 && input.stdin === undefined && input.pty !== true
  const permits = isPlain ? await permitsOf(commandOf(input), sandbox, place) : undefined
  return {
    display: displayOf(input, detail, settings, enforces),
    detail: { ...detail, prepared: { ...detail.prepared, env: { ...input.env } }, usual: usualNames(settings) } as unknown as JsonValue,
    ...(permits === undefined ? {} : { permits }),
  }
}

/** Returns the detail that was approved, with the variables of all commands. Throws `command-refused` when it is not that of this input and these settings. */
export function approvedDetail(plan: JsonValue, { stdin }: ExecInput, settings: ExecSettings): ExecDetail {
  const detail = plan as unknown as ExecDetail
  const isDetail = typeof detail?.prepared === 'object' && detail.prepared !== null && Array.isArray(detail.prepared.argv)
  if (!isDetail) throw new BeamClawError('command-refused', 'exec: the plan of this call is not one of exec')
  if (detail.stdinSha256 !== (stdin === undefined ? null : sha256(stdin)))
    throw new BeamClawError('command-refused', 'exec: the input of the command is not the one that was approved')
  if (detail.usual === undefined) return detail
  if (JSON.stringify(detail.usual) !== JSON.stringify(usualNames(settings)))
    throw new BeamClawError('command-refused', 'exec: the variables of all commands are others than when the command was approved')
  return { ...detail, prepared: { ...detail.prepared, env: { ...settings.env, ...detail.prepared.env } } }
}

function usualNames({ env = {} }: ExecSettings): readonly string[] {
  return Object.keys(env).sort()
}

function argvOf({ command, argv, shell = 'sh' }: ExecInput): [string, ...string[]] {
  return command === undefined ? [...((argv ?? []) as [string, ...string[]])] : [...shells[shell], command]
}

function commandOf({ command, argv }: ExecInput): CommandText {
  return command === undefined ? { argv: (argv ?? []) as unknown as [string, ...string[]] } : { shell: command }
}

function workspaceOf({ workspace }: ExecSettings, site: ExecSite): string {
  const path = typeof workspace === 'string' ? workspace : workspace(site)
  if (typeof path === 'string' && path.startsWith('/')) return path
  throw new BeamClawError('invalid-option', 'execTool: "workspace" must return an absolute path')
}

/** Returns the command line: shell text as it is, arguments quoted for a shell. */
function labelOf({ command, argv = [] }: ExecInput): string {
  return command ?? argv.map(quoted).join(' ')
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/**
 * Everything that decides what happens, and nothing shortened. First what BeamClaw knows, one fact a line; then what the model has written, each line of it
 * marked, so that no text of the model reads as a fact.
 */
function displayOf(
  input: ExecInput,
  { prepared, mode, label, timeoutMs, background }: ExecDetail,
  settings: ExecSettings,
  enforces: SandboxProbe['enforces'],
): string {
  // What a sandbox does not hold a command back from, it has.
  const network = prepared.network || !enforces.includes('network')
  // The operator's own values may be secrets, and they are the same for every call.
  const usual = Object.keys(settings.env ?? {}).filter((name) => !Object.hasOwn(input.env ?? {}, name))
  const facts = [
    ...(input.command === undefined ? [] : [`Shell: ${prepared.argv.slice(0, -1).join(' ')}`]),
    `Program: ${prepared.executable?.path ?? prepared.argv[0]}`,
    ...(prepared.scripts ?? []).map(({ path, sha256: hash }) => `Script: ${path} (SHA-256 ${hash})`),
    `Folder: ${prepared.cwd}`,
    // A sandbox may have a name of its own for the folder: the workspace is as the host calls it.
    ...(prepared.cwd === prepared.workspace ? [] : [`Workspace: ${prepared.workspace}`]),
    `Where: ${prepared.sandbox} (${mode}), ${network ? 'with network' : 'without network'}${enforces.includes('filesystem') ? '' : ', with all files of its user'}`,
    ...(prepared.terminal === undefined ? [] : ['In a terminal']),
    ...(background ? ['In the background'] : []),
    ...(timeoutMs === null ? [] : [`Killed after ${timeoutMs} ms`]),
    ...(usual.length === 0 ? [] : [`Variables of all commands: ${usual.join(', ')}`]),
  ]
  return [
    ...facts.map(factLine),
    'Command:',
    markedLines(label),
    ...Object.entries(input.env ?? {}).flatMap(([name, value]) => [factLine(`Variable ${name}:`), markedLines(value)]),
    ...(input.stdin === undefined ? [] : ['Input:', markedLines(input.stdin)]),
  ].join('\n')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
