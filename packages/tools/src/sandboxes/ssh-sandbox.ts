/** Commands on another machine, by the program `ssh`. */
import { randomBytes } from 'node:crypto'
import {
  type CommandRequest,
  type CommandSignal,
  type JsonObject,
  type PreparedCommand,
  type Sandbox,
  type SandboxProbe,
  type SandboxProcess,
  type SpawnOptions,
  silentLogger,
} from '@beamclaw/core'
import { checkOptions, integer, type OptionRule } from '@beamclaw/core/adapter'
import { pathRefused } from '../workspace/path-refused.ts'
import { asRefusal, commandNotFound, commandRefused, sandboxUnavailable } from './command-error.ts'
import { givenMark, markAlone } from './command-identity.ts'
import { checkRequest } from './command-request.ts'
import type { CommandTree } from './command-tree.ts'
import { DeathWatch } from './death-watch.ts'
import { environmentOf, programFolders } from './environment.ts'
import { GroupTree, markName, reapMarked } from './group-tree.ts'
import { type Launched, launch } from './launch.ts'
import { MarkedChannel } from './marked-channel.ts'
import { ProbeOnce } from './probe-once.ts'
import { factsOf } from './process-facts.ts'
import { findProgram } from './program-lookup.ts'
import { killText, remoteDirectory, remoteText } from './remote-script.ts'
import { runQuickly } from './run-quickly.ts'
import { RunningCommand } from './running-command.ts'
import { anAbsolutePath, type HostSandboxOptions, hostSandboxDefaults, hostSandboxRules } from './sandbox-options.ts'

/** Options of `SshSandbox`. A value out of its rule throws `invalid-option` in the constructor. */
export interface SshSandboxOptions extends Pick<HostSandboxOptions, 'outputGraceMs' | 'logger'> {
  /** Name or address of the machine. */
  readonly host: string
  /** File with the public key of the machine; one that is not in it is refused. */
  readonly knownHosts: string
  /** File with the private key, which needs no passphrase. */
  readonly identityFile: string
  /** @default the user of this process */
  readonly user?: string
  /** @default 22 */
  readonly port?: number
  /** The id of the sandbox, where there are several. @default 'ssh' */
  readonly id?: string
  /** The program. @default ssh in the usual folders */
  readonly program?: string
  /** Seconds to wait for a connection. @default 10 */
  readonly connectSeconds?: number
}

// What `ssh` itself exits with.
const connectionFailed = 255

const pattern =
  (shape: RegExp, words: string): OptionRule =>
  (value) =>
    typeof value === 'string' && shape.test(value) ? undefined : words

/**
 * Runs commands on a machine with an SSH server, a POSIX login shell and `setsid`. The workspace is a path of that machine. Files there are not read before
 * a command starts, so that a change since its preparation is not seen. No variable of this process, no agent and no port is forwarded.
 *
 * @example
 * const sandbox = new SshSandbox({ host: 'build.internal', user: 'agent', knownHosts: '/etc/beamclaw/hosts', identityFile: '/etc/beamclaw/key' })
 */
export class SshSandbox implements Sandbox {
  readonly id: string
  readonly #options: SshSandboxOptions
  readonly #mark = randomBytes(12).toString('hex')
  readonly #watch = new DeathWatch(this.#mark)
  readonly #probe = new ProbeOnce(() => this.#look())

  constructor(options: SshSandboxOptions) {
    checkOptions<SshSandboxOptions>(
      'SshSandbox',
      options,
      {
        // Neither may be read as an option.
        host: pattern(/^[A-Za-z0-9_[:][A-Za-z0-9_.:%[\]-]{0,252}$/, 'the name or the address of a machine'),
        user: pattern(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, 'the name of a user'),
        id: pattern(/^[a-z0-9-]{1,64}$/, '1 to 64 of a-z, 0-9 and -'),
        ...{
          knownHosts: aPlainPath,
          identityFile: aPlainPath,
          program: anAbsolutePath,
          port: integer(1, 65_535),
          connectSeconds: integer(1, 600),
        },
        ...{ outputGraceMs: hostSandboxRules.outputGraceMs, logger: hostSandboxRules.logger },
      },
      ['host', 'knownHosts', 'identityFile'],
    )
    this.#options = options
    this.id = options.id ?? 'ssh'
  }

  probe(): Promise<SandboxProbe> {
    return this.#probe.look()
  }

  async prepare(request: CommandRequest): Promise<PreparedCommand> {
    const { argv, workspace, cwd, env, network, limits, terminal } = checkRequest(request)
    if (!workspace.startsWith('/')) throw commandRefused('the workspace must be an absolute path of the other machine')
    const directory = remoteDirectory(workspace, cwd)
    if (directory === undefined) throw pathRefused(cwd, 'it leads out of the workspace')
    return { sandbox: this.id, argv, workspace, cwd: directory, env, network, limits, ...(terminal === undefined ? {} : { terminal }) }
  }

  async spawn(command: PreparedCommand, { listener, isDetached = false, mark: given }: SpawnOptions): Promise<SandboxProcess> {
    const { argv, workspace, cwd, env, limits } = command
    if (command.sandbox !== this.id) {
      throw commandRefused(`it was prepared by the sandbox ${JSON.stringify(command.sandbox)}, and this is "${this.id}"`)
    }
    if (isDetached) throw commandRefused('a command on another machine ends with its connection; start it without isDetached')
    await asRefusal(() => {
      checkRequest({ ...command, argv: argv as [string, ...string[]] })
      if (remoteDirectory(workspace, cwd) === undefined) throw pathRefused(cwd, 'it leads out of the workspace')
    })
    const mark = `${this.#mark}-${givenMark(given)}`
    const text = remoteText({ mark, directory: cwd, argv, env: environmentOf(workspace, '/tmp', false, env), limits })
    const launched = await launch({
      sandbox: this.id,
      argv: [this.#program(), ...this.#words(), text],
      cwd: '/',
      env: { ...this.#clientEnv(), [markName]: mark },
    })
    this.#watch.add(launched.pid)
    const channel = new MarkedChannel(launched.channel, mark)
    try {
      const [child, runner] = await this.#started(channel, argv[0] ?? '', cwd)
      return this.#running(launched, channel, { mark, child, runner }, listener)
    } catch (error) {
      channel.close()
      this.#watch.remove(launched.pid)
      throw error
    }
  }

  async reap(identity: JsonObject): Promise<void> {
    // The command ends with its connection.
    const alone = markAlone(this.id, identity)
    if (alone !== undefined) return reapMarked(alone)
    const { sandbox, mark, child, runner } = identity
    if (sandbox !== this.id || typeof mark !== 'string' || !/^[0-9a-f-]{41,49}$/.test(mark)) return
    if (isPid(child) && isPid(runner)) await this.#remote(killText(mark, child, runner, 'SIGKILL'))
  }

  async #started(channel: MarkedChannel, program: string, directory: string): Promise<readonly [number, number]> {
    const { words, before } = await channel.line
    const [what, child, runner] = words ?? []
    if (what === 'missing') throw commandNotFound(program, 'on the other machine')
    if (what === 'nowhere') throw commandRefused(`the folder ${JSON.stringify(directory)} is not there`)
    const pids = [Number(child), Number(runner)] as const
    if (what === 'started' && pids.every(isPid)) return pids
    throw sandboxUnavailable(this.id, `ssh failed: ${lastLine(before)}. Check the machine, its key in knownHosts, and identityFile.`)
  }

  #running(
    launched: Launched,
    channel: MarkedChannel,
    remote: { mark: string; child: number; runner: number },
    listener: SpawnOptions['listener'],
  ) {
    const { logger = silentLogger, outputGraceMs = hostSandboxDefaults.outputGraceMs } = this.#options
    const { pid, hasExited } = launched
    const { mark, child, runner } = remote
    const client = new GroupTree({ pid, mark, startTime: factsOf(pid)?.startTime, hasExited, isOld: false })
    const tree: CommandTree = {
      signal: async (signal: CommandSignal) => {
        const { code, errors } = await this.#remote(killText(mark, child, runner, signal))
        // Whether anything is left is not known then.
        if (code === undefined || code === connectionFailed)
          throw sandboxUnavailable(this.id, `ssh failed: ${lastLine(errors)}. Check the connection.`)
        return code === 0
      },
      finish: () => client.finish(),
    }
    return new RunningCommand({
      ...{ channel, tree, listener, logger, outputGraceMs },
      identity: { sandbox: this.id, mark, child, runner },
      isShellStatus: true,
      onOver: () => this.#watch.remove(pid),
    })
  }

  #remote(text: string) {
    return runQuickly(this.#program(), [...this.#words(), text], this.#clientEnv())
  }

  /** Words up to the text for the other machine. No file of the user's own settings is read. */
  #words(): readonly string[] {
    const { host, user, port, knownHosts, identityFile, connectSeconds = 10 } = this.#options
    const settings = {
      ...{
        BatchMode: 'yes',
        StrictHostKeyChecking: 'yes',
        UserKnownHostsFile: knownHosts,
        GlobalKnownHostsFile: '/dev/null',
        UpdateHostKeys: 'no',
      },
      ...{
        IdentityFile: identityFile,
        IdentitiesOnly: 'yes',
        IdentityAgent: 'none',
        PreferredAuthentications: 'publickey',
        ConnectTimeout: connectSeconds,
      },
      ...{
        ControlMaster: 'no',
        ControlPath: 'none',
        ForwardAgent: 'no',
        ForwardX11: 'no',
        ClearAllForwardings: 'yes',
        PermitLocalCommand: 'no',
      },
      ...{ RequestTTY: 'no', LogLevel: 'ERROR', ServerAliveInterval: 15, ServerAliveCountMax: 3, EscapeChar: 'none' },
    }
    return [
      ...['-F', '/dev/null', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])],
      ...(user === undefined ? [] : ['-l', user]),
      ...(port === undefined ? [] : ['-p', String(port)]),
      ...['--', host],
    ]
  }

  #program(): string {
    return this.#options.program ?? findProgram('ssh', programFolders, '/')
  }

  #clientEnv(): Record<string, string> {
    return { PATH: programFolders.join(':'), HOME: '/nonexistent' }
  }

  async #look(): Promise<SandboxProbe> {
    try {
      this.#program()
    } catch {
      return { isAvailable: false, reason: 'There is no program "ssh". Install an SSH client.', enforces: [] }
    }
    const { code, errors } = await this.#remote("exec /bin/sh -c 'command -v setsid >/dev/null'")
    if (code === 0) return { isAvailable: true, enforces: ['cpuSeconds', 'memoryBytes', 'openFiles'] }
    const reason =
      code === 1 || code === 127
        ? 'There is no program "setsid" on the other machine. Install util-linux.'
        : `ssh failed: ${lastLine(errors)}.`
    return { isAvailable: false, reason, enforces: [] }
  }
}

/** `-o` reads a value up to a space, and `%` as a placeholder. */
const aPlainPath = pattern(/^\/[A-Za-z0-9_./+:@,-]*$/, 'an absolute path of letters, digits and _ . / + : @ , -')

function isPid(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 1
}

function lastLine(errors: string): string {
  return (errors.trim().split('\n').at(-1) ?? '').slice(0, 300) || 'no message'
}
