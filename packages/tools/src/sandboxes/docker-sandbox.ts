/** Commands in containers, by the command line of Docker or Podman. */
import { randomBytes } from 'node:crypto'
import { realpathSync, statSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
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
import { checkOptions, integer, type OptionRule, oneOf } from '@beamclaw/core/adapter'
import { resolveInside } from '../workspace/resolve-inside.ts'
import { asRefusal, commandChanged, commandRefused, sandboxUnavailable } from './command-error.ts'
import { givenMark, markAlone } from './command-identity.ts'
import { checkRequest } from './command-request.ts'
import type { CommandTree } from './command-tree.ts'
import { containerWords, containerWorkspace } from './container-words.ts'
import { DeathWatch } from './death-watch.ts'
import { environmentOf, programFolders } from './environment.ts'
import { GroupTree, markName, reapMarked } from './group-tree.ts'
import { launch } from './launch.ts'
import { ProbeOnce } from './probe-once.ts'
import { factsOf } from './process-facts.ts'
import { findProgram } from './program-lookup.ts'
import { runQuickly } from './run-quickly.ts'
import { RunningCommand } from './running-command.ts'
import { anAbsolutePath, type HostSandboxOptions, hostSandboxDefaults, hostSandboxRules } from './sandbox-options.ts'

/** Options of `DockerSandbox`. A value out of its rule throws `invalid-option` in the constructor. */
export interface DockerSandboxOptions extends Pick<HostSandboxOptions, 'outputGraceMs' | 'logger'> {
  /** Image by digest, `name@sha256:…`: a tag may be another image tomorrow. It must be on the machine; none is pulled. */
  readonly image: string
  /** The engine. @default 'docker' */
  readonly engine?: 'docker' | 'podman'
  /** The program. @default the engine's name in the usual folders */
  readonly program?: string
  /** User and group that the command runs as; the workspace must be writable for them. @default '65534:65534' */
  readonly user?: string
  /** Size of `/tmp`, which is in memory. @default 67108864 */
  readonly temporaryBytes?: number
  /** Variables of the client, such as `DOCKER_HOST`; no command sees them. @default {} */
  readonly clientEnv?: Readonly<Record<string, string>>
}

/** Defaults for `DockerSandboxOptions`. */
const dockerDefaults = { engine: 'docker', user: '65534:65534', temporaryBytes: 64 * 1024 * 1024, clientEnv: {} } as const

const startPollMs = 100
const maxStartPolls = 100

const anImage: OptionRule = (value) =>
  typeof value === 'string' && /^[a-z0-9][a-z0-9._/:-]*@sha256:[0-9a-f]{64}$/.test(value)
    ? undefined
    : 'an image with its digest, such as "debian@sha256:" and 64 digits'
const aUser: OptionRule = (value) =>
  typeof value === 'string' && /^\d{1,10}:\d{1,10}$/.test(value) ? undefined : 'a user and a group, such as "65534:65534"'
const someVariables: OptionRule = (value) =>
  typeof value === 'object' && value !== null && Object.values(value).every((item) => typeof item === 'string')
    ? undefined
    : 'an object of texts'

/**
 * Runs each command in a container of its own: no network, a read-only image, no capabilities, the workspace as `/workspace` and nothing else of the host.
 * What a program in the image is cannot be read from here; the digest says it.
 *
 * @example
 * const sandbox = new DockerSandbox({ image: `debian@sha256:${digest}` })
 */
export class DockerSandbox implements Sandbox {
  readonly id: string
  readonly #options: Required<Pick<DockerSandboxOptions, keyof typeof dockerDefaults>> & DockerSandboxOptions
  readonly #mark = randomBytes(12).toString('hex')
  #watch: DeathWatch | undefined
  readonly #probe = new ProbeOnce(() => this.#look())

  constructor(options: DockerSandboxOptions) {
    checkOptions<DockerSandboxOptions>(
      'DockerSandbox',
      options,
      {
        image: anImage,
        engine: oneOf('docker', 'podman'),
        program: anAbsolutePath,
        user: aUser,
        temporaryBytes: integer(4_096),
        clientEnv: someVariables,
        outputGraceMs: hostSandboxRules.outputGraceMs,
        logger: hostSandboxRules.logger,
      },
      ['image'],
    )
    this.#options = { ...dockerDefaults, ...options }
    this.id = this.#options.engine
  }

  probe(): Promise<SandboxProbe> {
    return this.#probe.look()
  }

  prepare(request: CommandRequest): Promise<PreparedCommand> {
    return asRefusal(() => this.#prepare(request))
  }

  async spawn(command: PreparedCommand, { listener, isDetached = false, mark }: SpawnOptions): Promise<SandboxProcess> {
    if (isDetached) throw commandRefused('a container of this sandbox ends with its host; start it without isDetached')
    await asRefusal(() => this.#recheck(command))
    const { isAvailable, reason = '' } = await this.probe()
    if (!isAvailable) throw sandboxUnavailable(this.id, reason)
    const name = `beamclaw-${givenMark(mark)}`
    const program = this.#program()
    const { image, user, temporaryBytes, logger = silentLogger, outputGraceMs = hostSandboxDefaults.outputGraceMs } = this.#options
    const { PATH: _, ...variables } = environmentOf(containerWorkspace, '/tmp', command.terminal !== undefined, command.env)
    // The values of these two are the client's own; the command has them from the words.
    const { HOME: home = containerWorkspace, ...inherited } = variables
    const words = (hasTerminal: boolean): readonly [string, ...string[]] => [
      program,
      ...containerWords({
        ...{ name, image, user, temporaryBytes, workspace: command.workspace, cwd: command.cwd, network: command.network },
        ...{
          limits: command.limits,
          variables: [...Object.keys(inherited), `HOME=${home}`],
          terminal: hasTerminal ? command.terminal : undefined,
        },
      }),
      ...command.argv,
    ]
    const launched = await launch({
      sandbox: this.id,
      argv: words(false),
      terminalArgv: words(true),
      cwd: '/',
      env: { ...inherited, ...this.#clientEnv(), [markName]: `${this.#mark}-${name}` },
      terminal: command.terminal,
    })
    const { pid, channel, hasExited } = launched
    // A container goes on without its client.
    this.#watch ??= new DeathWatch(this.#mark, { program, env: this.#clientEnv() })
    const watch = this.#watch
    watch.add(pid, name)
    const client = new GroupTree({ pid, mark: name, startTime: factsOf(pid)?.startTime, hasExited, isOld: false })
    return new RunningCommand({
      ...{ channel, listener, logger, outputGraceMs },
      tree: this.#tree(name, client, hasExited),
      identity: { sandbox: this.id, name },
      isShellStatus: true,
      onOver: () => watch.remove(pid),
    })
  }

  async reap(identity: JsonObject): Promise<void> {
    const mark = markAlone(this.id, identity)
    const { sandbox, name = `beamclaw-${mark}` } = identity
    // The client first: one that is left could still start the container.
    if (mark !== undefined) await reapMarked(mark)
    if (sandbox === this.id && typeof name === 'string' && /^beamclaw-[0-9a-f]{24}$/.test(name)) await this.#client(['rm', '--force', name])
  }

  /** The processes are those of the container, and the client that waits for it. */
  #tree(name: string, client: GroupTree, hasExited: () => boolean): CommandTree {
    return {
      signal: async (signal: CommandSignal) => {
        // Until the container is there, the client alone is; one that is left must not start it after a SIGKILL.
        for (let poll = 0; poll < maxStartPolls; poll++) {
          if ((await this.#client(['kill', '--signal', signal, name])).code === 0) return true
          if (signal === 'SIGKILL') return client.signal('SIGKILL')
          if (hasExited()) return false
          await new Promise((resolve) => setTimeout(resolve, startPollMs))
        }
        return true
      },
      finish: async () => {
        // `--rm` removes it; a client that was killed leaves it running.
        const { code, output } = await this.#client(['ps', '--all', '--quiet', '--filter', `name=^/?${name}$`])
        if (code === 0 && output.trim() === '') return client.finish()
        const removed = await this.#client(['rm', '--force', name])
        return (await client.finish()) + (removed.code === 0 ? 0 : 1)
      },
    }
  }

  async #prepare(request: CommandRequest): Promise<PreparedCommand> {
    const { argv, env, network, limits, terminal, ...place } = checkRequest(request)
    const workspace = realFolder(place.workspace)
    const cwd = realFolder(await resolveInside(workspace, place.cwd))
    const { dev, ino } = statSync(cwd, { bigint: true })
    return {
      ...{ sandbox: this.id, argv, workspace, cwd: join(containerWorkspace, relative(workspace, cwd)), cwdId: `${dev}:${ino}` },
      ...{ env, network, limits, ...(terminal === undefined ? {} : { terminal }) },
    }
  }

  #recheck(command: PreparedCommand): void {
    const { sandbox, argv, workspace, cwd, cwdId } = command
    if (sandbox !== this.id) throw commandRefused(`it was prepared by the sandbox ${JSON.stringify(sandbox)}, and this is "${this.id}"`)
    checkRequest({ ...command, argv: argv as [string, ...string[]], cwd: '.' })
    if (!isAbsolute(cwd) || realFolder(workspace) !== workspace) throw commandChanged('the workspace')
    const folder = join(workspace, relative(containerWorkspace, cwd))
    const { dev, ino } = statSync(folderOrChanged(folder), { bigint: true })
    if (`${dev}:${ino}` !== cwdId) throw commandChanged('the working directory')
  }

  #program(): string {
    return this.#options.program ?? findProgram(this.#options.engine, programFolders, '/')
  }

  #clientEnv(): Record<string, string> {
    return { PATH: programFolders.join(':'), HOME: process.env.HOME ?? '/', ...this.#options.clientEnv }
  }

  #client(args: readonly string[]) {
    return runQuickly(this.#program(), args, this.#clientEnv())
  }

  async #look(): Promise<SandboxProbe> {
    const { engine, image } = this.#options
    try {
      this.#program()
    } catch {
      return unavailable(`There is no program "${engine}". Install it.`)
    }
    const version = await this.#client(['version', '--format', '{{.Server.Version}}'])
    if (version.code !== 0) return unavailable(`The engine does not work: ${firstLine(version.errors)}. Start it, or use bubblewrap.`)
    const inspected = await this.#client(['image', 'inspect', '--format', '{{.Id}}', image])
    if (inspected.code !== 0) return unavailable(`The image is not here: ${firstLine(inspected.errors)}. Run "${engine} pull ${image}".`)
    return {
      isAvailable: true,
      enforces: ['filesystem', 'network', 'process-tree', 'cpuSeconds', 'memoryBytes', 'processes', 'fileBytes', 'openFiles'],
    }
  }
}

function unavailable(reason: string): SandboxProbe {
  return { isAvailable: false, reason, enforces: [] }
}

function firstLine(errors: string): string {
  return (errors.trim().split('\n')[0] ?? '').slice(0, 300)
}

function folderOrChanged(path: string): string {
  try {
    if (realpathSync.native(path) === path && statSync(path).isDirectory()) return path
  } catch {}
  throw commandChanged('the working directory')
}

function realFolder(path: string): string {
  try {
    const real = realpathSync.native(path)
    if (statSync(real).isDirectory()) return real
  } catch (error) {
    throw commandRefused(`the folder ${JSON.stringify(path.slice(0, 200))} is not there`, error)
  }
  throw commandRefused(`${JSON.stringify(path.slice(0, 200))} is not a folder`)
}
