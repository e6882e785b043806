/** Starts a process of this host for a sandbox: its channel, ready to be opened, or a typed error. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import type { TerminalSize } from '@beamclaw/core'
import { systemCode } from '../workspace/path-refused.ts'
import { type CommandChannel, PipeChannel } from './command-channel.ts'
import { commandChanged, commandNotFound, commandRefused, sandboxUnavailable } from './command-error.ts'
import { closingWords, inheritedDescriptors } from './inherited-descriptors.ts'
import { loadTerminals, TerminalChannel, type TerminalModule } from './terminal-channel.ts'

/** What is started. */
export interface Launch {
  /** Id of the sandbox, for errors. */
  readonly sandbox: string
  readonly argv: readonly [string, ...string[]]
  /** What is started instead when there is a terminal. @default argv */
  readonly terminalArgv?: readonly [string, ...string[]]
  /** The name that the program sees itself called by. @default argv[0] */
  readonly argv0?: string
  readonly cwd: string
  /** Device and inode that the working directory must have, as `dev:ino`. */
  readonly cwdId?: string | undefined
  readonly env: Readonly<Record<string, string>>
  readonly terminal?: TerminalSize | undefined
  /** Descriptor that is a pipe back to this process: 3, or 4 when a launcher has a use for 3. @default none */
  readonly reportFd?: 3 | 4 | undefined
  /** Whether output goes elsewhere than to this process. @default false */
  readonly isDetached?: boolean
}

/** A started process. */
export interface Launched {
  readonly channel: CommandChannel
  readonly pid: number
  /** Absent in a terminal. */
  readonly child?: ChildProcess
  /** The other end of `reportFd`. */
  readonly report?: unknown
  /** Whether the exit of the process was seen. */
  readonly hasExited: () => boolean
}

/** Starts the process as the leader of a session of its own, in a terminal when one is wanted and possible, else with pipes. */
export async function launch(wanted: Launch): Promise<Launched> {
  const terminals = wanted.terminal === undefined ? undefined : await loadTerminals()
  const words = terminals === undefined ? undefined : closingWords(inheritedDescriptors())
  return inDirectory(wanted, (cwd) =>
    terminals === undefined || words === undefined ? withPipes(wanted, cwd) : withTerminal(wanted, cwd, terminals.spawn, words),
  )
}

/**
 * Holds the working directory open while the process starts: on Linux the child enters just the one that was checked, also when its path leads to
 * another by then.
 */
async function inDirectory<T>({ cwd, cwdId }: Launch, start: (cwd: string) => T | Promise<T>): Promise<T> {
  if (process.platform !== 'linux' || cwdId === undefined) return start(cwd)
  let descriptor: number
  try {
    descriptor = openSync(cwd, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch {
    throw commandChanged('the working directory')
  }
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true })
    if (`${dev}:${ino}` !== cwdId) throw commandChanged('the working directory')
    return await start(`/proc/self/fd/${descriptor}`)
  } finally {
    closeSync(descriptor)
  }
}

async function withPipes({ sandbox, argv: [program, ...args], argv0, env, reportFd, isDetached }: Launch, cwd: string): Promise<Launched> {
  const output = isDetached === true ? 'ignore' : 'pipe'
  const nothing = openSync(devNull, constants.O_RDWR)
  let child: ChildProcess
  try {
    const options: SpawnOptions = {
      cwd,
      env,
      detached: true,
      stdio: withoutInherited(['pipe', output, output, ...stdioBeyond(reportFd)], nothing),
      ...(argv0 === undefined ? {} : { argv0 }),
    }
    child = spawn(program, args, options)
  } catch (error) {
    throw startError(sandbox, program, error)
  } finally {
    closeSync(nothing)
  }
  const { pid } = child
  if (pid === undefined) throw startError(sandbox, program, await new Promise((resolve) => child.once('error', resolve)))
  // A signal that could not be sent is no failure of the command.
  child.on('error', () => undefined)
  const report = reportFd === undefined ? undefined : child.stdio[reportFd]
  return { channel: new PipeChannel(child), pid, child, report, hasExited: () => child.exitCode !== null || child.signalCode !== null }
}

type Stdio = 'pipe' | 'ignore' | number

/** What this process was started with open would be open in the command, too: an open folder would lead out of any sandbox. */
function withoutInherited(stdio: readonly Stdio[], nothing: number): Stdio[] {
  const all = [...stdio]
  for (const descriptor of inheritedDescriptors()) {
    if (all[descriptor] === 'pipe') continue
    while (all.length < descriptor) all.push('ignore')
    all[descriptor] = nothing
  }
  return all
}

function stdioBeyond(reportFd: 3 | 4 | undefined): readonly ('pipe' | 'ignore')[] {
  if (reportFd === undefined) return []
  return reportFd === 3 ? ['pipe'] : ['ignore', 'pipe']
}

function withTerminal(
  { sandbox, argv, terminalArgv, env, terminal }: Launch,
  cwd: string,
  spawnTerminal: TerminalModule['spawn'],
  before: readonly string[],
): Launched {
  const [program = argv[0], ...args] = [...before, ...(terminalArgv ?? argv)]
  try {
    const size = { cols: terminal?.columns ?? 80, rows: terminal?.rows ?? 24 }
    const opened = spawnTerminal(program, args, { ...size, cwd, env, name: env.TERM ?? 'xterm-256color', encoding: null })
    let isOver = false
    opened.onExit(() => {
      isOver = true
    })
    return { channel: new TerminalChannel(opened), pid: opened.pid, hasExited: () => isOver }
  } catch (error) {
    throw startError(sandbox, program, error)
  }
}

function startError(sandbox: string, program: string, error: unknown): Error {
  const code = systemCode(error)
  if (code === 'ENOENT' || code === 'ENOTDIR') return commandNotFound(program, 'that can be started')
  if (code === 'EACCES' || code === 'EPERM' || code === 'ENOEXEC')
    return commandRefused(`${JSON.stringify(program)} cannot be executed`, error)
  if (code === 'E2BIG') return commandRefused('its words and variables are too long', error)
  return sandboxUnavailable(
    sandbox,
    `no process could be started (${code ?? String(error)}). End some processes, or raise the limits.`,
    error,
  )
}
