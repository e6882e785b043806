/** The processes of a command in a PID namespace of its own, of which none can get away. */
import type { CommandSignal } from '@beamclaw/core'
import { isAlive, type ProcessId } from './command-identity.ts'
import { type CommandTree, endAll } from './command-tree.ts'
import { allPids, factsOf, kill, pidNamespaceOf, pidsSince } from './process-facts.ts'

/** What a namespace is found by. */
export interface NamespaceTreeParts {
  /** The process outside that started the namespace and leads a group. */
  readonly outer: ProcessId
  /** The first process inside; the kernel ends all others with it. Undefined when it was over before it could be seen. */
  readonly init: ProcessId | undefined
  /** Whether the exit of the outer process was seen by its parent. */
  readonly hasExited: () => boolean
}

const startPollMs = 2
const maxStartPolls = 1_000

/** SIGKILL ends the first process inside, and so all. Other signals go to every process but that one, which would not take them. */
export class NamespaceTree implements CommandTree {
  readonly #parts: NamespaceTreeParts
  readonly #namespace: string | undefined

  constructor(parts: NamespaceTreeParts) {
    this.#parts = parts
    const namespace = parts.init === undefined ? undefined : pidNamespaceOf(parts.init.pid)
    // A signal to all of it would end everything that runs here: a process of this namespace is not the first of another.
    this.#namespace = namespace === pidNamespaceOf(process.pid) ? undefined : namespace
  }

  async signal(signal: CommandSignal): Promise<boolean> {
    const { outer, init, hasExited } = this.#parts
    if (signal !== 'SIGKILL') {
      const inner = await this.#commandPids()
      for (const pid of inner) kill(pid, signal)
      return inner.length > 0 || (init !== undefined && isAlive(init))
    }
    const isInside = init !== undefined && isAlive(init) && kill(init.pid, 'SIGKILL')
    const isOutside = !hasExited() && isAlive(outer) && kill(-outer.pid, 'SIGKILL')
    return isInside || isOutside
  }

  /** Resolves with all but the first process; waits while that one is alone, for then the command is about to start, or all is about to end. */
  async #commandPids(): Promise<readonly number[]> {
    const { init } = this.#parts
    for (let poll = 0; ; poll++) {
      const inner = this.members(allPids()).filter((pid) => pid !== init?.pid)
      if (inner.length > 0 || init === undefined || !isAlive(init) || poll === maxStartPolls) return inner
      await new Promise((resolve) => setTimeout(resolve, startPollMs))
    }
  }

  async finish(): Promise<number> {
    const { outer, init } = this.#parts
    if (this.#namespace === undefined || this.members(pidsSince(outer.pid)).length === 0) return 0
    return endAll(
      () => this.members(allPids()),
      () => void (init !== undefined && isAlive(init) && kill(init.pid, 'SIGKILL')),
    )
  }

  /** Returns those of the ids that run inside. */
  members(pids: readonly number[]): readonly number[] {
    const namespace = this.#namespace
    if (namespace === undefined) return []
    return pids.filter((pid) => pidNamespaceOf(pid) === namespace && factsOf(pid)?.isZombie === false)
  }
}
