/** Who holds a data directory, as the lock file says, and whether that process can still be at work. */
import type { ProcessFacts } from './process-facts.ts'

/** What the lock file says about its owner. */
export interface LockOwner {
  readonly pid: number
  /** When the process started, in the system's own words; tells a process from a later one with the same pid. */
  readonly started?: string | undefined
  /** Where the pid means something. */
  readonly host: string
  /** The name that the owner listens on as long as it lives, and where that name means something. */
  readonly socket?: LockSocket | undefined
  readonly nonce: string
}

export interface LockSocket {
  readonly name: string
  readonly network: string
}

/** What a process that wants the lock knows of itself. */
export interface Claimant {
  readonly host: string
  /** The name it listens on now; undefined where there are no such names. */
  readonly socket: LockSocket | undefined
}

/**
 * Returns what can be known at once of an owner: `dead` and `alive` are proven; `unsure` (another container or machine, or a system that
 * tells too little) is left to the heartbeat of the lock file. `facts` is what this machine says of a process with the owner's pid.
 */
export function judgeOwner(owner: LockOwner, claimant: Claimant, facts: ProcessFacts): 'alive' | 'dead' | 'unsure' {
  // A living owner would hold the name that the claimant holds.
  if (isSameSocket(owner.socket, claimant.socket)) return 'dead'
  if (owner.host !== claimant.host) return 'unsure'
  if (facts.state !== 'running') return 'dead'
  if (facts.started === undefined || owner.started === undefined) return 'unsure'
  if (facts.started !== owner.started) return 'dead'
  // A process that listens on another name where this one would be heard: the lock file is a copy, or the directory's number has changed.
  return owner.socket?.network !== undefined && owner.socket.network === claimant.socket?.network ? 'unsure' : 'alive'
}

function isSameSocket(a: LockSocket | undefined, b: LockSocket | undefined): boolean {
  return a !== undefined && a.name === b?.name && a.network === b.network
}

/** Returns the owner that a lock file names, or undefined for a text that names nobody. */
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
