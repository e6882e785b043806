/** Facts about processes of this host, from `/proc`: what tells one apart from a later one with the same id. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** One process, as `/proc/<pid>/stat` has it. */
export interface ProcessFacts {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly session: number
  /** Clock ticks between the start of the machine and that of the process. */
  readonly startTime: string
  readonly isZombie: boolean
}

/** Returns the facts of a process; undefined when there is none, or this system has no `/proc`. */
export function factsOf(pid: number): ProcessFacts | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state = '', parent, group, session] = fields
    return {
      pid,
      parent: Number(parent),
      group: Number(group),
      session: Number(session),
      startTime: fields[19] ?? '',
      isZombie: state === 'Z' || state === 'X',
    }
  } catch {
    return undefined
  }
}

/** Returns true when the process has `NAME=value` in the environment that it was started with. */
export function hasVariable(pid: number, assignment: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`.includes(`\0${assignment}\0`)
  } catch {
    return false
  }
}

/** Returns true when the process has a variable of this name, whose value ends so, in the environment that it was started with. */
export function hasVariableEnding(pid: number, name: string, end: string): boolean {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
    return variables.some((one) => one.startsWith(`${name}=`) && one.endsWith(end))
  } catch {
    return false
  }
}

/** Returns an id of the process's PID namespace; undefined when there is no such process. */
export function pidNamespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined
  }
}

/** Returns the ids of all processes. */
export function allPids(): readonly number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}

// A sweep of more ids than this is dearer than a list of the processes that there are.
const maxRange = 512

/**
 * Returns the ids that processes may have which started after this one. The kernel gives ids in ascending order and tells the last: no list of all
 * processes is needed, and right after a command without children there is none to look at.
 */
export function pidsSince(pid: number): readonly number[] {
  let last: number
  try {
    last = Number(readFileSync('/proc/loadavg', 'latin1').trim().split(' ').at(-1))
  } catch {
    return []
  }
  const count = last - pid
  if (!(count >= 0 && count <= maxRange)) return allPids()
  return Array.from({ length: count }, (_, index) => pid + 1 + index)
}

/** Returns what tells this start of the machine apart from another; the empty text where the system does not say. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return ''
  }
}

/** Signals a process, or a group by a negative id; returns false when there is none. Refuses ids that mean "all" or "mine". */
export function kill(target: number, signal: NodeJS.Signals | 0): boolean {
  if (!Number.isSafeInteger(target) || Math.abs(target) <= 1) return false
  try {
    process.kill(target, signal)
    return true
  } catch (error) {
    // Not ours to signal, but there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
