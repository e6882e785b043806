/** The lives of nodes that a `MemoryNetwork` knows, as the membership service of a real cluster does. */
import { BeamClawError, type Member, type NodeId, type NodeRef } from '@beamclaw/core'

interface Life {
  readonly ref: NodeRef
  /** Undefined until it has joined: until then it only has keys. */
  member: Member | undefined
  /** On the monotonic clock; each heartbeat moves it. */
  expiresAt: number
  /** When its connection was seen to close. */
  closedAt: number | undefined
}

/** The times of a directory, and the end of a life. */
export interface NodeDirectoryOptions {
  readonly monotonic: () => number
  readonly ttlMs: number
  readonly heartbeatMs: number
  /** Called when a life has ended, for whichever reason. */
  readonly onEnd: (ref: NodeRef) => void
}

/**
 * I1: at most one life of each node is in it. I2: a life that is not in it never comes back: its process returns as another incarnation. I3: a life ends by
 * `remove`, a time to live after its last renewal, or a heartbeat after its connection was closed.
 */
export class NodeDirectory {
  readonly #options: NodeDirectoryOptions
  readonly #lives = new Map<string, Life>()
  #incarnations = 0

  constructor(options: NodeDirectoryOptions) {
    this.#options = options
  }

  /** Returns the name of a new life. */
  newLife(id: NodeId): NodeRef {
    return { id, incarnation: `${id.slice(0, 48)}-${++this.#incarnations}` }
  }

  /** Takes a life in. Throws `node-id-taken` while another life of the node has an open connection. */
  enlist(ref: NodeRef): void {
    this.#sweep()
    for (const other of this.#lives.values()) {
      if (other.ref.id !== ref.id) continue
      if (other.closedAt === undefined) throw new BeamClawError('node-id-taken', `Another live node of the network has the id "${ref.id}"`)
      this.remove(other.ref)
    }
    this.#lives.set(ref.incarnation, { ref, member: undefined, expiresAt: this.#newExpiry(), closedAt: undefined })
  }

  /** Makes the life live on. Returns false when it has ended. */
  renew(ref: NodeRef): boolean {
    const life = this.#find(ref)
    if (life !== undefined) life.expiresAt = this.#newExpiry()
    return life !== undefined
  }

  setMember(member: Member): void {
    const life = this.#find(member)
    if (life !== undefined) life.member = member
  }

  isLive(ref: NodeRef): boolean {
    return this.#find(ref) !== undefined
  }

  /** True while messages can reach the life. */
  isOpen(ref: NodeRef): boolean {
    const life = this.#find(ref)
    return life?.member !== undefined && life.closedAt === undefined
  }

  members(): readonly Member[] {
    this.#sweep()
    return [...this.#lives.values()].flatMap(({ member }) => (member === undefined ? [] : [member]))
  }

  /** Notes that the connection of the life was closed. */
  close({ incarnation }: NodeRef): void {
    const life = this.#lives.get(incarnation)
    if (life !== undefined) life.closedAt ??= this.#options.monotonic()
  }

  remove(ref: NodeRef): void {
    if (this.#lives.delete(ref.incarnation)) this.#options.onEnd(ref)
  }

  #find({ incarnation }: NodeRef): Life | undefined {
    this.#sweep()
    return this.#lives.get(incarnation)
  }

  #newExpiry(): number {
    return this.#options.monotonic() + this.#options.ttlMs
  }

  #sweep(): void {
    const now = this.#options.monotonic()
    for (const { ref, expiresAt, closedAt } of this.#lives.values()) {
      if (now >= expiresAt || (closedAt !== undefined && now >= closedAt + this.#options.heartbeatMs)) this.remove(ref)
    }
  }
}
