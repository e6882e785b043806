/** The owner of a data directory as the lock file names it, and the decision whether that process is still alive. */
import type { ProcessFacts } from './process-facts.ts'

/** The owner that a lock file names. */
export interface LockOwner {
  readonly pid: number
  /** Start time of the process as the system reports it; tells it from a later process with the same pid. */
  readonly started?: string | undefined
  /** The pid namespace in which the pid has a meaning. */
  readonly host: string
  /** The socket name that the owner holds while it is alive, and the network namespace in which it has a meaning. */
  readonly socket?: LockSocket | undefined
  readonly nonce: string
}

export interface LockSocket {
  readonly name: string
  readonly network: string
}

/** The process that wants the lock. */
export interface Claimant {
  readonly host: string
  /** The socket name that it holds now; undefined where there are no such names. */
  readonly socket: LockSocket | undefined
}

/**
 * Returns what is provable at once: `dead` and `alive` are certain; for `unsure` (another container or machine, or a system that reports too
 * little) the heartbeat decides. `facts` describes the process that has the owner's pid on this machine.
 */
export function judgeOwner(owner: LockOwner, claimant: Claimant, facts: ProcessFacts): 'alive' | 'dead' | 'unsure' {
  // A live owner would hold the name that the claimant holds.
  if (isSameSocket(owner.socket, claimant.socket)) return 'dead'
  if (owner.host !== claimant.host) return 'unsure'
  if (facts.state !== 'running') return 'dead'
  if (facts.started === undefined || owner.started === undefined) return 'unsure'
  if (facts.started !== owner.started) return 'dead'
  // The owner's socket name differs although both are in one namespace: the lock file is a copy, or the directory's inode has changed.
  return owner.socket?.network !== undefined && owner.socket.network === claimant.socket?.network ? 'unsure' : 'alive'
}

function isSameSocket(a: LockSocket | undefined, b: LockSocket | undefined): boolean {
  return a !== undefined && a.name === b?.name && a.network === b.network
}

/** Returns the owner that a lock file names, or undefined for a text without one. */
export function parseOwner(text: string): LockOwner | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { pid, host, nonce, socket } = value as Partial<LockOwner>
  const isSocket = socket === undefined || (typeof socket?.name === 'string' && typeof socket.network === 'string')
  const isOwner = isSocket && Number.isSafeInteger(pid) && (pid ?? 0) > 0 && typeof host === 'string' && typeof nonce === 'string'
  return isOwner ? (value as LockOwner) : undefined
}
