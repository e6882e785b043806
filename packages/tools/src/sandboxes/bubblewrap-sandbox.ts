/** Commands in namespaces of their own, by the program `bwrap`: no network, no file of the host but the workspace, no way out of the process tree. */
import { realpathSync } from 'node:fs'
import { Readable } from 'node:stream'
import {
  BeamClawError,
  type CommandListener,
  type CommandRequest,
  type JsonObject,
  type PreparedCommand,
  type Sandbox,
  type SandboxProbe,
  type SandboxProcess,
  type SpawnOptions,
  SystemClock,
  silentLogger,
} from '@beamclaw/core'
import { anArray, checkOptions, integer, TurnQueue } from '@beamclaw/core/adapter'
import { findInit, readReport } from './bubblewrap-report.ts'
import { bubblewrapPaths, bubblewrapWords, workspaceInside } from './bubblewrap-words.ts'
import { sandboxUnavailable } from './command-error.ts'
import {
  type CommandIdentity,
  givenMark,
  identityJson,
  isAlive,
  markAlone,
  type ProcessId,
  randomMark,
  readIdentity,
} from './command-identity.ts'
import { DeathWatch } from './death-watch.ts'
import { FileChannel, untilStarted } from './detached-files.ts'
import { detachedPlace, removeDetachedPlace } from './detached-state.ts'
import { environmentOf, programFolders } from './environment.ts'
import { markName, reapMarked } from './group-tree.ts'
import { HostFiles } from './host-files.ts'
import { type Launched, launch } from './launch.ts'
import { enforcedLimits, limitWords } from './limit-words.ts'
import { NamespaceTree } from './namespace-tree.ts'
import { ProbeOnce } from './probe-once.ts'
import { bootId, factsOf } from './process-facts.ts'
import { findProgram } from './program-lookup.ts'
import { runQuickly } from './run-quickly.ts'
import { RunningCommand } from './running-command.ts'
import { anAbsolutePath, type HostSandboxOptions, hostSandboxDefaults, hostSandboxRules } from './sandbox-options.ts'

/** Options of `BubblewrapSandbox`. A value out of its rule throws `invalid-option` in the constructor. */
export interface BubblewrapSandboxOptions extends HostSandboxOptions {
  /** The program. @default bwrap in the usual folders */
  readonly program?: string
  /** User that the command is for itself; on disk it is the user of this process. @default 65534 */
  readonly uid?: number
  /** Group that the command is for itself. @default 65534 */
  readonly gid?: number
  /** Absolute paths of the host that the command may read, under the same names, such as `/opt/tools`. @default [] */
  readonly readOnly?: readonly string[]
  /** Size of `/tmp` and of `/dev/shm`, which are in memory. @default 67108864 */
  readonly temporaryBytes?: number
}

/** Defaults for `BubblewrapSandboxOptions`. */
const bubblewrapDefaults = { uid: 65_534, gid: 65_534, temporaryBytes: 64 * 1024 * 1024 } as const

/**
 * Runs each command in its own user, PID, network, IPC and mount namespaces, on Linux. It sees `/usr`, an empty `/tmp` and the workspace as `/workspace`,
 * and nothing else of the host; every process ends with the command. Needs the package `bubblewrap`.
 *
 * @example
 * const sandbox = new BubblewrapSandbox({ readOnly: ['/opt/tools'] })
 * const prepared = await sandbox.prepare({ argv: ['make', 'test'], workspace: '/srv/work' })
 */
export class BubblewrapSandbox implements Sandbox {
  readonly id = 'bubblewrap'
  readonly #options: BubblewrapSandboxOptions
  readonly #readOnly: readonly string[]
  readonly #files: HostFiles
  readonly #mark = randomMark()
  readonly #watch = new DeathWatch(this.#mark)
  readonly #turns = new TurnQueue(new SystemClock())
  readonly #probe = new ProbeOnce(() => this.#look())
  #prlimit: string | undefined

  constructor(options: BubblewrapSandboxOptions = {}) {
    checkOptions<BubblewrapSandboxOptions>('BubblewrapSandbox', options, {
      ...hostSandboxRules,
      program: anAbsolutePath,
      uid: integer(0, 4_294_967_294),
      gid: integer(0, 4_294_967_294),
      readOnly: (value) => anArray(value) ?? (value as unknown[]).map(anAbsolutePath).find((problem) => problem !== undefined),
      temporaryBytes: integer(4_096),
    })
    this.#options = options
    this.#readOnly = [...(options.readOnly ?? [])]
    this.#files = new HostFiles(this.id, (workspace) => bubblewrapPaths(workspace, this.#readOnly), this.#turns)
  }

  probe(): Promise<SandboxProbe> {
    return this.#probe.look()
  }

  prepare(request: CommandRequest): Promise<PreparedCommand> {
    return this.#files.prepare(request)
  }

  async spawn(command: PreparedCommand, { listener, isDetached = false, mark: given }: SpawnOptions): Promise<SandboxProcess> {
    const { isAvailable, reason = '' } = await this.probe()
    if (!isAvailable) throw sandboxUnavailable(this.id, reason)
    const { program, args, workspace } = await this.#files.recheck(command)
    const mark = `${isDetached ? 'detached' : this.#mark}-${givenMark(given)}`
    const place = isDetached ? detachedPlace(mark, this.#options) : undefined
    const terminal = isDetached ? undefined : command.terminal
    const reportFd = isDetached ? 4 : 3
    const { uid, gid, temporaryBytes } = { ...bubblewrapDefaults, ...this.#options }
    const words = (fd: 3 | 4 | undefined): readonly string[] => [
      ...(place?.words ?? []),
      ...limitWords(this.#prlimit, command.limits),
      this.#program(),
      ...bubblewrapWords({
        ...{ workspace, uid, gid, temporaryBytes, isDetached, reportFd: fd, readOnly: this.#readOnly },
        ...{ cwd: command.cwd, network: command.network, hasTerminal: fd === undefined },
      }),
      bubblewrapPaths(workspace, this.#readOnly).toSandbox(program),
      ...args,
    ]
    // Until bubblewrap has asked the kernel to end it with this process, a look for its mark does.
    if (!isDetached) this.#watch.start()
    const launched = await launch({
      sandbox: this.id,
      argv: words(reportFd) as readonly [string, ...string[]],
      terminalArgv: words(undefined) as readonly [string, ...string[]],
      cwd: '/',
      env: { ...environmentOf(workspaceInside, '/tmp', terminal !== undefined, command.env), [markName]: mark },
      terminal,
      reportFd,
      isDetached,
    })
    if (place !== undefined) await untilStarted(place.directory, launched.hasExited)
    return this.#follow(launched, mark, listener, place?.directory)
  }

  async attach(identity: JsonObject, listener: CommandListener): Promise<SandboxProcess | undefined> {
    const known = readIdentity(this.id, identity)
    if (known?.directory === undefined || known.init === undefined || !isAlive(known.init)) return undefined
    const { directory, pid, startTime, init } = known
    const tree = new NamespaceTree({ outer: known, init, hasExited: () => false })
    return this.#running(new FileChannel({ directory, pid, startTime, isFromStart: false }), tree, known, listener)
  }

  async reap(identity: JsonObject): Promise<void> {
    const mark = markAlone(this.id, identity)
    if (mark !== undefined) {
      await reapMarked(mark)
      return removeDetachedPlace(mark, this.#options)
    }
    const known = readIdentity(this.id, identity)
    if (known === undefined) return
    const tree = new NamespaceTree({ outer: known, init: known.init, hasExited: () => false })
    await tree.signal('SIGKILL')
    await tree.finish()
  }

  async #follow(
    { channel, pid, child, report, hasExited }: Launched,
    mark: string,
    listener: CommandListener,
    directory: string | undefined,
  ) {
    const startTime = factsOf(pid)?.startTime ?? ''
    const init = await (report instanceof Readable ? readReport(report) : findInit(pid, hasExited))
    const outer: ProcessId = { pid, startTime }
    const identity: CommandIdentity = {
      ...{ sandbox: this.id, mark, boot: bootId(), ...outer },
      ...(init === undefined ? {} : { init }),
      ...(directory === undefined ? {} : { directory }),
    }
    const files = directory === undefined ? undefined : { directory, ...outer, input: child?.stdin ?? undefined, isFromStart: true }
    const tree = new NamespaceTree({ outer, init, hasExited })
    return this.#running(files === undefined ? channel : new FileChannel(files), tree, identity, listener)
  }

  #running(channel: Launched['channel'], tree: NamespaceTree, identity: CommandIdentity, listener: CommandListener): RunningCommand {
    const { logger = silentLogger, outputGraceMs = hostSandboxDefaults.outputGraceMs } = this.#options
    return new RunningCommand({
      ...{ channel, tree, listener, logger, outputGraceMs, ends: this.#turns },
      identity: identityJson(identity),
      onOver: () => undefined,
      isShellStatus: true,
    })
  }

  #program(): string {
    return this.#options.program ?? findProgram('bwrap', programFolders, '/')
  }

  /** Runs `true` in a sandbox: user namespaces may be switched off, or forbidden in a container. */
  async #look(): Promise<SandboxProbe> {
    if (process.platform !== 'linux')
      return unavailable(`Bubblewrap needs Linux, and this is ${process.platform}. Use Docker or Podman here.`)
    let program: string
    try {
      program = this.#program()
    } catch {
      return unavailable('There is no program "bwrap". Install the package bubblewrap.')
    }
    const profile = {
      workspace: '/usr',
      cwd: workspaceInside,
      network: false,
      readOnly: this.#readOnly,
      hasTerminal: false,
      isDetached: false,
    }
    const words = bubblewrapWords({ ...bubblewrapDefaults, ...profile, reportFd: undefined })
    const { code, errors } = await runQuickly(program, [...words, '/usr/bin/env', 'true'], {})
    if (code !== 0)
      return unavailable(
        `It fails with: ${errors.trim() || `exit code ${code}`}. Allow unprivileged user namespaces, or use Docker or Podman.`,
      )
    this.#prlimit = prlimitOrNone()
    return { isAvailable: true, enforces: ['filesystem', 'network', 'process-tree', ...enforcedLimits(this.#prlimit)] }
  }
}

function unavailable(reason: string): SandboxProbe {
  return { isAvailable: false, reason, enforces: [] }
}

function prlimitOrNone(): string | undefined {
  try {
    return realpathSync.native(findProgram('prlimit', programFolders, '/'))
  } catch (error) {
    if (BeamClawError.isInstance(error)) return undefined
    throw error
  }
}
