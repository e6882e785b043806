/** The processes of a command that runs on the host itself: those of its session and its group, and those that carry its mark. */
import type { CommandSignal } from '@beamclaw/core'
import type { CommandTree } from './command-tree.ts'
import { endAll } from './command-tree.ts'
import { allPids, factsOf, hasVariable, hasVariableEnding, kill, pidsSince } from './process-facts.ts'

/** The variable that every command of a sandbox carries. A child that clears its environment and makes a session of its own is not found. */
export const markName = 'BEAMCLAW_COMMAND'

/** Ends every process whose mark ends so, and all in the sessions of these. Resolves when none is left, or none more can be ended. */
export async function reapMarked(mark: string): Promise<void> {
  const own = factsOf(process.pid)?.session
  await endAll(
    () => {
      const facts = allPids()
        .flatMap((pid) => (pid === process.pid ? [] : (factsOf(pid) ?? [])))
        .filter(({ isZombie }) => !isZombie)
      const marked = new Set(facts.filter(({ pid }) => hasVariableEnding(pid, markName, `-${mark}`)))
      const sessions = new Set([...marked].map(({ session }) => session).filter((session) => session !== own))
      return facts.filter((one) => marked.has(one) || sessions.has(one.session)).map(({ pid }) => pid)
    },
    (pid) => void kill(pid, 'SIGKILL'),
  )
}

/** What a tree is found by. */
export interface GroupTreeParts {
  /** The first process. */
  readonly pid: number
  readonly mark: string
  /** Undefined where the system has no `/proc`. */
  readonly startTime: string | undefined
  /** Whether the exit of the first process was seen, after which the system may give its id away. */
  readonly hasExited: () => boolean
  /** True for a command of an earlier process: its id may be another's since, and when the first process is gone its marks alone are proof. */
  readonly isOld: boolean
}

/**
 * The first process leads a session and a group with its id.
 *
 * I1  An id is signalled only while what it names is known to be of this command: the first process until its exit was seen; later a member, by session,
 *     group or mark, with a start time that is not before that of the first.
 */
export class GroupTree implements CommandTree {
  readonly #pid: number
  readonly #mark: string
  readonly #startTime: string | undefined
  readonly #hasExited: () => boolean
  readonly #isOld: boolean

  constructor({ pid, mark, startTime, hasExited, isOld }: GroupTreeParts) {
    this.#pid = pid
    this.#mark = mark
    this.#hasExited = hasExited
    this.#isOld = isOld
    this.#startTime = startTime
  }

  signal(signal: CommandSignal): boolean {
    if (this.#startTime === undefined) return kill(-this.#pid, signal)
    // As one call, so that no child is born between two of them; then those in groups of their own.
    const isGroup = !this.#hasExited() && kill(-this.#pid, signal)
    const others = this.members(allPids()).filter((pid) => !isGroup || factsOf(pid)?.group !== this.#pid)
    for (const pid of others) kill(pid, signal)
    return isGroup || others.length > 0
  }

  async finish(): Promise<number> {
    // Without /proc the group is all that is known.
    if (this.#startTime === undefined) return kill(-this.#pid, 'SIGKILL') && kill(-this.#pid, 0) ? 1 : 0
    if (this.members(pidsSince(this.#pid)).length === 0) return 0
    return endAll(
      () => this.members(allPids()),
      (pid) => void kill(pid, 'SIGKILL'),
    )
  }

  /** Returns those of the ids that belong to the command and run. */
  members(pids: readonly number[]): readonly number[] {
    const leader = factsOf(this.#pid)
    // An id that another process has now leads a session of that one.
    const isLeading = leader === undefined ? !this.#isOld : leader.startTime === this.#startTime
    return pids.filter((pid) => {
      const facts = pid === process.pid ? undefined : factsOf(pid)
      if (facts === undefined || facts.isZombie || BigInt(facts.startTime) < BigInt(this.#startTime ?? 0)) return false
      if (isLeading && (facts.session === this.#pid || facts.group === this.#pid)) return true
      return hasVariable(pid, `${markName}=${this.#mark}`)
    })
  }
}
