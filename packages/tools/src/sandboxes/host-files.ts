/** Prepares commands whose files are on this host, and checks just before the start that they are what they were. */
import { type BigIntStats, realpathSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { BeamClawError, type CommandFile, type CommandRequest, type PreparedCommand } from '@beamclaw/core'
import type { TurnQueue } from '@beamclaw/core/adapter'
import { isWithin, resolveInside } from '../workspace/resolve-inside.ts'
import { asRefusal, commandChanged, commandNotFound, commandRefused } from './command-error.ts'
import { checkRequest } from './command-request.ts'
import { programFolders } from './environment.ts'
import { FileHashes } from './file-hashes.ts'
import { findProgram, scriptWords } from './program-lookup.ts'

/** How paths of a sandbox and of the host belong together. */
export interface PathMap {
  /** Returns the host's path of one of the sandbox; undefined where the sandbox has none of the host's. */
  toHost(path: string): string | undefined
  /** Returns the sandbox's path of one of the host. */
  toSandbox(path: string): string
}

/** What a checked command is started from. */
export interface ReadyCommand {
  /** Host path that is run: the real one in the workspace, the one that was found elsewhere, for programs that go by the name they are called by. */
  readonly program: string
  readonly args: readonly string[]
  /** Real host paths. */
  readonly workspace: string
  readonly cwd: string
  readonly cwdFacts: BigIntStats
}

/** Owns the hashes that are remembered for one sandbox. */
export class HostFiles {
  readonly #sandbox: string
  readonly #mapFor: (workspace: string) => PathMap
  readonly #hashes = new FileHashes()
  readonly #turns: TurnQueue

  /** @param turns shared by requests that come at the same time: each looks at the disk for a part of a millisecond */
  constructor(sandbox: string, mapFor: (workspace: string) => PathMap, turns: TurnQueue) {
    this.#sandbox = sandbox
    this.#mapFor = mapFor
    this.#turns = turns
  }

  /** Checks a request and finds what it names, as `Sandbox.prepare`. */
  prepare(request: CommandRequest): Promise<PreparedCommand> {
    return asRefusal(() => this.#prepare(request))
  }

  /** Resolves with what to start; rejects `command-refused` when program, scripts, PATH, workspace or working directory are not what they were. */
  recheck(command: PreparedCommand): Promise<ReadyCommand> {
    return asRefusal(() => this.#recheck(command))
  }

  async #prepare(request: CommandRequest): Promise<PreparedCommand> {
    const { argv, env, network, limits, terminal, ...place } = checkRequest(request)
    await this.#turns.next()
    const workspace = realFolder(place.workspace, 'workspace')
    const cwd = realFolder(await resolveInside(workspace, place.cwd), 'cwd')
    const map = this.#mapFor(workspace)
    const found = this.#find(argv[0], cwd, map)
    const executable = await this.#file(found, map)
    const scripts = await Promise.all(scriptsOf(executable, argv, cwd, map).map((path) => this.#file(path, map)))
    const { dev, ino } = statSync(cwd, { bigint: true })
    return {
      sandbox: this.#sandbox,
      argv,
      workspace,
      cwd: map.toSandbox(cwd),
      cwdId: `${dev}:${ino}`,
      executable,
      ...(scripts.length === 0 ? {} : { scripts }),
      env,
      network,
      limits,
      ...(terminal === undefined ? {} : { terminal }),
    }
  }

  async #recheck(command: PreparedCommand): Promise<ReadyCommand> {
    if (command.sandbox !== this.#sandbox) {
      throw commandRefused(`it was prepared by the sandbox ${JSON.stringify(command.sandbox)}, and this is "${this.#sandbox}"`)
    }
    const { argv, cwdId, executable, scripts = [] } = command
    checkRequest({ ...command, argv: argv as [string, ...string[]], cwd: '.' })
    const [name, ...args] = argv as [string, ...string[]]
    const workspace = unchanged('the workspace', () => realpathSync.native(command.workspace))
    if (workspace !== command.workspace) throw commandChanged('the workspace')
    const map = this.#mapFor(workspace)
    const cwd = map.toHost(command.cwd)
    if (cwd === undefined || !isWithin(workspace, cwd)) throw commandChanged('the working directory')
    const cwdFacts = unchanged('the working directory', () => {
      if (realpathSync.native(cwd) !== cwd) throw commandChanged('the working directory')
      return statSync(cwd, { bigint: true })
    })
    if (`${cwdFacts.dev}:${cwdFacts.ino}` !== cwdId) throw commandChanged('the working directory')
    if (executable === undefined) throw commandChanged('the program')
    const found = this.#findAgain(name, cwd, map)
    const real = await this.#unchangedFile(found, executable, 'the program', map)
    const words = scriptsOf(executable, argv, cwd, map)
    if (words.length !== scripts.length) throw commandChanged('a script')
    for (const [index, word] of words.entries()) await this.#unchangedFile(word, scripts[index], 'a script', map)
    return { program: isWithin(workspace, real) ? real : found, args, workspace, cwd, cwdFacts }
  }

  #find(name: string, cwd: string, map: PathMap): string {
    if (!isAbsolute(name)) return findProgram(name, programFolders, cwd)
    const path = map.toHost(name)
    if (path === undefined) throw commandNotFound(name, 'in the sandbox')
    return findProgram(path, programFolders, cwd)
  }

  #findAgain(name: string, cwd: string, map: PathMap): string {
    try {
      return this.#find(name, cwd, map)
    } catch {
      throw commandChanged('the program')
    }
  }

  async #file(path: string, map: PathMap): Promise<CommandFile> {
    const real = realpathSync.native(path)
    if (map.toHost(map.toSandbox(real)) !== real) throw commandNotFound(path, 'in the sandbox')
    try {
      return { path: map.toSandbox(real), sha256: await this.#hashes.hash(real) }
    } catch (error) {
      if (BeamClawError.isInstance(error)) throw error
      throw commandRefused(`${JSON.stringify(real)} cannot be read, so that what is approved could not be told apart from what runs`, error)
    }
  }

  async #unchangedFile(path: string, expected: CommandFile | undefined, what: string, map: PathMap): Promise<string> {
    const [real, facts] = unchanged(what, () => {
      const target = realpathSync.native(path)
      return [target, statSync(target, { bigint: true })] as const
    })
    if (expected === undefined || map.toSandbox(real) !== expected.path) throw commandChanged(what)
    const sha256 = this.#hashes.known(facts) ?? (await this.#hashes.hash(real))
    if (sha256 !== expected.sha256) throw commandChanged(what)
    return real
  }
}

function scriptsOf(executable: CommandFile, argv: readonly string[], cwd: string, map: PathMap): readonly string[] {
  return scriptWords(executable.path, argv.slice(1), (word) => (isAbsolute(word) ? map.toHost(word) : join(cwd, word)))
}

function realFolder(path: string, name: string): string {
  let real: string
  try {
    real = realpathSync.native(path)
    if (statSync(real).isDirectory()) return real
  } catch (error) {
    throw commandRefused(`${name} ${JSON.stringify(path.slice(0, 200))} is not there`, error)
  }
  throw commandRefused(`${name} ${JSON.stringify(path.slice(0, 200))} is not a folder`)
}

/** Runs a look at the disk; what is gone has changed. */
function unchanged<T>(what: string, look: () => T): T {
  try {
    return look()
  } catch (error) {
    if (BeamClawError.isInstance(error)) throw error
    throw commandChanged(what)
  }
}
