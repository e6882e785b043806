/** What a later process finds a command by: JSON that holds for one start of the machine. */
import { randomBytes } from 'node:crypto'
import type { JsonObject } from '@beamclaw/core'
import { commandRefused } from './command-error.ts'
import { bootId, factsOf } from './process-facts.ts'

/** One process, told apart from a later one with the same id. */
export interface ProcessId {
  readonly pid: number
  readonly startTime: string
}

/** A command of a sandbox of this host. */
export interface CommandIdentity extends ProcessId {
  readonly sandbox: string
  readonly mark: string
  readonly boot: string
  /** The first process in a PID namespace of its own. */
  readonly init?: ProcessId
  /** The files of a detached command. */
  readonly directory?: string
}

/** Returns the identity as JSON. */
export function identityJson({ sandbox, pid, startTime, mark, boot, init, directory }: CommandIdentity): JsonObject {
  return {
    ...{ sandbox, pid, startTime, mark, boot },
    ...(init === undefined ? {} : { init: { pid: init.pid, startTime: init.startTime } }),
    ...(directory === undefined ? {} : { directory }),
  }
}

const mark = /^[0-9a-f]{24}$/

/** Returns a random mark. */
export function randomMark(): string {
  return randomBytes(12).toString('hex')
}

/** Returns the mark of a command of which nothing else is known; undefined for any other value. */
export function markAlone(sandbox: string, value: JsonObject): string | undefined {
  return value.sandbox === sandbox && value.pid === undefined && typeof value.mark === 'string' && mark.test(value.mark)
    ? value.mark
    : undefined
}

/** Returns the mark of the caller, which becomes a part of names. Throws `command-refused` for one that is none. */
export function givenMark(given: string | undefined): string {
  if (given === undefined) return randomMark()
  if (mark.test(given)) return given
  throw commandRefused('its mark must have 24 hexadecimal digits')
}

/**
 * Returns the identity of a command that this sandbox started since this machine did; undefined for any other value, and for one of an earlier start, of
 * which nothing can run. It comes from a store and is checked.
 */
export function readIdentity(sandbox: string, value: JsonObject): CommandIdentity | undefined {
  const { pid, startTime, mark, boot, init, directory } = value
  if (value.sandbox !== sandbox || boot !== bootId() || typeof mark !== 'string' || !/^[a-z0-9-]{16,}$/.test(mark)) return undefined
  const first = readProcessId({ pid, startTime })
  if (first === undefined) return undefined
  const inner = typeof init === 'object' && init !== null && !Array.isArray(init) ? readProcessId(init as JsonObject) : undefined
  return {
    ...{ sandbox, mark, boot, ...first },
    ...(inner === undefined ? {} : { init: inner }),
    ...(typeof directory === 'string' && directory.startsWith('/') ? { directory } : {}),
  }
}

function readProcessId({ pid, startTime }: JsonObject): ProcessId | undefined {
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 1) return undefined
  return typeof startTime === 'string' && /^\d+$/.test(startTime) ? { pid, startTime } : undefined
}

/** Returns true when just this process runs. */
export function isAlive({ pid, startTime }: ProcessId): boolean {
  const facts = factsOf(pid)
  return facts !== undefined && !facts.isZombie && facts.startTime === startTime
}
