/** Starts the program of a server in a group of its own, which ends with this process. */
import { randomBytes } from 'node:crypto'
import { homedir, tmpdir } from 'node:os'
import { type CommandListener, type Logger, type SandboxProcess, silentLogger } from '@beamclaw/core'
import { identityJson } from '../sandboxes/command-identity.ts'
import { DeathWatch } from '../sandboxes/death-watch.ts'
import { environmentOf, programFolders } from '../sandboxes/environment.ts'
import { GroupTree, markName } from '../sandboxes/group-tree.ts'
import { launch } from '../sandboxes/launch.ts'
import { bootId, factsOf } from '../sandboxes/process-facts.ts'
import { RunningCommand } from '../sandboxes/running-command.ts'
import type { McpProgram } from './mcp-options.ts'

/** What a server gets of the environment of this process: where programs and its user's files are, and how to write. */
const inherited = ['PATH', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ'] as const
/** Milliseconds after the exit that output may still come. */
const outputGraceMs = 500

/** Starts programs. Owns the watch that ends them when this process dies. */
export class ServerPrograms {
  // The marks of all programs begin with it: the death watch finds them by it.
  readonly #mark = randomBytes(12).toString('hex')
  readonly #watch = new DeathWatch(this.#mark)
  readonly #logger: Logger
  #count = 0

  constructor(logger: Logger = silentLogger) {
    this.#logger = logger
  }

  /** Resolves with the program under way. Rejects `command-not-found`, `command-refused` and `sandbox-unavailable`. */
  async start({ command, args = [], env = {}, cwd = process.cwd() }: McpProgram, listener: CommandListener): Promise<SandboxProcess> {
    const mark = `${this.#mark}-${++this.#count}`
    const { channel, pid, hasExited } = await launch({
      sandbox: 'mcp',
      argv: [command, ...args],
      cwd,
      env: { ...environmentOf(homedir(), tmpdir(), false, { ...inheritedVariables(), ...env }), [markName]: mark },
    })
    this.#watch.add(pid)
    const startTime = factsOf(pid)?.startTime
    return new RunningCommand({
      channel,
      listener,
      logger: this.#logger,
      outputGraceMs,
      tree: new GroupTree({ pid, mark, startTime, hasExited, isOld: false }),
      identity: identityJson({ sandbox: 'mcp', pid, startTime: startTime ?? '', mark, boot: bootId() }),
      onOver: () => this.#watch.remove(pid),
    })
  }
}

/** The configuration names the program, so that it is found where its author finds it. */
function inheritedVariables(): Record<string, string> {
  const found = inherited.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]))
  return { PATH: programFolders.join(':'), ...Object.fromEntries(found) }
}
