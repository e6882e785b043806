/** Commands on the host itself, held back by limits and a clean environment alone. */
import { randomBytes } from 'node:crypto'
import {
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
import { checkOptions, TurnQueue } from '@beamclaw/core/adapter'
import { sandboxUnavailable } from './command-error.ts'
import { type CommandIdentity, givenMark, identityJson, isAlive, markAlone, readIdentity } from './command-identity.ts'
import { endAll } from './command-tree.ts'
import { DeathWatch } from './death-watch.ts'
import { FileChannel, untilStarted } from './detached-files.ts'
import { type DetachedPlace, detachedPlace, removeDetachedPlace } from './detached-state.ts'
import { environmentOf, programFolders } from './environment.ts'
import { GroupTree, markName, reapMarked } from './group-tree.ts'
import { HostFiles } from './host-files.ts'
import { type Launched, launch } from './launch.ts'
import { enforcedLimits, limitWords } from './limit-words.ts'
import { allPids, bootId, factsOf, kill } from './process-facts.ts'
import { findProgram } from './program-lookup.ts'
import { RunningCommand } from './running-command.ts'
import { type HostSandboxOptions, hostSandboxDefaults, hostSandboxRules } from './sandbox-options.ts'

/** Options of `LocalSandbox`. A value out of its rule throws `invalid-option` in the constructor. */
export interface LocalSandboxOptions extends HostSandboxOptions {}

/**
 * Runs commands as the user of this process, on Linux and macOS. Holds nothing back but what limits and the environment do: a command may read and write
 * what the user may. For commands that are approved one by one; `BubblewrapSandbox` is for the others.
 *
 * Owns a death watch (one small shell, from the first command on), the hashes of programs, and nothing of a command that is over.
 *
 * @example
 * const local = new LocalSandbox()
 * const prepared = await local.prepare({ argv: ['git', 'status'], workspace: '/srv/work' })
 * const running = await local.spawn(prepared, { listener: { onOutput: console.log, onExit: console.log } })
 */
export class LocalSandbox implements Sandbox {
  readonly id = 'local'
  readonly #options: LocalSandboxOptions
  readonly #turns = new TurnQueue(new SystemClock())
  readonly #files = new HostFiles('local', () => ({ toHost: (path) => path, toSandbox: (path) => path }), this.#turns)
  // Marks of detached commands begin otherwise: the death watch must not find them.
  readonly #mark = randomBytes(12).toString('hex')
  readonly #watch = new DeathWatch(this.#mark)
  #count = 0
  readonly #prlimit: string | undefined

  constructor(options: LocalSandboxOptions = {}) {
    checkOptions<LocalSandboxOptions>('LocalSandbox', options, hostSandboxRules)
    this.#options = options
    this.#prlimit = process.platform === 'linux' ? programOrNone('prlimit') : undefined
  }

  async probe(): Promise<SandboxProbe> {
    if (process.platform === 'linux' || process.platform === 'darwin') {
      return { isAvailable: true, enforces: enforcedLimits(this.#prlimit) }
    }
    return {
      isAvailable: false,
      reason: `Commands need the process groups of Linux and macOS, and this is ${process.platform}.`,
      enforces: [],
    }
  }

  prepare(request: CommandRequest): Promise<PreparedCommand> {
    return this.#files.prepare(request)
  }

  async spawn(command: PreparedCommand, { listener, isDetached = false, mark: given }: SpawnOptions): Promise<SandboxProcess> {
    const { isAvailable, reason = '' } = await this.probe()
    if (!isAvailable) throw sandboxUnavailable(this.id, reason)
    const { program, args, workspace, cwd } = await this.#files.recheck(command)
    const mark = `${isDetached ? 'detached' : `${this.#mark}-${++this.#count}`}-${givenMark(given)}`
    const place = isDetached ? detachedPlace(mark, this.#options) : undefined
    const limits = limitWords(this.#prlimit, command.limits)
    const [first, ...rest] = [...(place?.words ?? []), ...limits, program, ...args]
    // It finds by their marks what was started just before the end of the host.
    if (place === undefined) this.#watch.start()
    const launched = await launch({
      sandbox: this.id,
      argv: [first ?? program, ...rest],
      ...(first === program ? { argv0: calledAs(command.argv[0] ?? program, program) } : {}),
      cwd,
      cwdId: command.cwdId,
      env: { ...environmentOf(workspace, '/tmp', command.terminal !== undefined, command.env), [markName]: mark },
      terminal: isDetached ? undefined : command.terminal,
      isDetached,
    })
    if (place === undefined) this.#watch.add(launched.pid)
    else await untilStarted(place.directory, launched.hasExited)
    return this.#follow(launched, mark, listener, place)
  }

  async attach(identity: JsonObject, listener: CommandListener): Promise<SandboxProcess | undefined> {
    const known = readIdentity(this.id, identity)
    if (known?.directory === undefined || !isAlive(known)) return undefined
    const { pid, startTime, mark, directory } = known
    return new RunningCommand({
      ...this.#common(listener),
      channel: new FileChannel({ directory, pid, startTime, isFromStart: false }),
      tree: new GroupTree({ pid, mark, startTime, hasExited: () => true, isOld: true }),
      isShellStatus: true,
      identity,
      onOver: () => undefined,
    })
  }

  async reap(identity: JsonObject): Promise<void> {
    const mark = markAlone(this.id, identity)
    if (mark !== undefined) {
      await reapMarked(mark)
      return removeDetachedPlace(mark, this.#options)
    }
    const known = readIdentity(this.id, identity)
    if (known === undefined) return
    const tree = new GroupTree({ ...known, hasExited: () => true, isOld: true })
    await endAll(
      () => tree.members(allPids()),
      (pid) => void kill(pid, 'SIGKILL'),
    )
  }

  #follow(
    { channel, pid, child, hasExited }: Launched,
    mark: string,
    listener: CommandListener,
    place: DetachedPlace | undefined,
  ): RunningCommand {
    const startTime = factsOf(pid)?.startTime
    const directory = place?.directory
    const identity: CommandIdentity = {
      sandbox: this.id,
      pid,
      startTime: startTime ?? '',
      mark,
      boot: bootId(),
      ...(directory === undefined ? {} : { directory }),
    }
    return new RunningCommand({
      ...this.#common(listener),
      channel:
        directory === undefined
          ? channel
          : new FileChannel({ directory, pid, startTime: startTime ?? '', input: child?.stdin ?? undefined, isFromStart: true }),
      tree: new GroupTree({ pid, mark, startTime, hasExited, isOld: false }),
      identity: identityJson(identity),
      isShellStatus: place !== undefined,
      onOver: () => {
        if (place === undefined) this.#watch.remove(pid)
      },
    })
  }

  #common(listener: CommandListener) {
    const { logger = silentLogger, outputGraceMs = hostSandboxDefaults.outputGraceMs } = this.#options
    return { listener, logger, outputGraceMs, ends: this.#turns }
  }
}

/** Programs that go by their name see the one that they were called by, and where they were found. */
function calledAs(name: string, program: string): string {
  return name.includes('/') ? name : program
}

function programOrNone(name: string): string | undefined {
  try {
    return findProgram(name, programFolders, '/')
  } catch {
    return undefined
  }
}
