/** Who owns which key in a `MemoryNetwork`. */
import type { Lease, NodeRef } from '@beamclaw/core'

/** How long a key that was handed over is kept for the node that it was handed to. */
const handOverMs = 5_000

interface Holder {
  readonly lease: Lease
  readonly node: NodeRef
}

interface HandOver {
  readonly to: NodeRef
  /** On the monotonic clock. */
  readonly until: number
}

/** Options of `KeyRegistry.claim`. */
interface Claim {
  readonly key: string
  readonly node: NodeRef
  readonly aboveEpoch: number
  readonly expiresAt: number
}

/** The times and the lives that the registry goes by. */
export interface KeyRegistryOptions {
  readonly monotonic: () => number
  readonly isLive: (node: NodeRef) => boolean
}

/** I1: the epochs of a key only grow, whichever node has it. I2: a holder or a hand-over counts only while its node is live. */
export class KeyRegistry {
  readonly #options: KeyRegistryOptions
  readonly #holders = new Map<string, Holder>()
  readonly #handOvers = new Map<string, HandOver>()
  readonly #epochs = new Map<string, number>()
  #grants = 0

  constructor(options: KeyRegistryOptions) {
    this.#options = options
  }

  ownerOf(key: string): NodeRef | undefined {
    const node = this.#holders.get(key)?.node
    return node !== undefined && this.#options.isLive(node) ? node : undefined
  }

  /** Returns the epoch of the last grant; 0 without one. */
  epochOf(key: string): number {
    return this.#epochs.get(key) ?? 0
  }

  /** Returns the node that alone may claim the key now. */
  heirOf(key: string): NodeRef | undefined {
    const handOver = this.#handOvers.get(key)
    if (handOver === undefined) return undefined
    if (handOver.until > this.#options.monotonic() && this.#options.isLive(handOver.to)) return handOver.to
    this.#handOvers.delete(key)
    return undefined
  }

  /** Returns the lease, or the node that is in the way. */
  claim({ key, node, aboveEpoch, expiresAt }: Claim): { readonly lease: Lease } | { readonly owner: NodeRef } {
    const owner = this.ownerOf(key)
    if (owner !== undefined && owner.id !== node.id) return { owner }
    const heir = this.heirOf(key)
    if (heir !== undefined && heir.id !== node.id) return { owner: heir }
    const epoch = Math.max(this.#epochs.get(key) ?? 0, aboveEpoch) + 1
    const lease: Lease = { key, owner: node.id, token: { epoch, nonce: `${node.incarnation}-${++this.#grants}` }, expiresAt }
    this.#epochs.set(key, epoch)
    this.#handOvers.delete(key)
    this.#holders.set(key, { lease, node })
    return { lease }
  }

  release({ key, token }: Lease, node: NodeRef, to: NodeRef | undefined): void {
    const holder = this.#holders.get(key)
    if (holder?.node.incarnation !== node.incarnation || holder.lease.token.nonce !== token.nonce) return
    this.#holders.delete(key)
    if (to !== undefined) this.#handOvers.set(key, { to, until: this.#options.monotonic() + handOverMs })
  }

  /** Releases every key of a life that has ended. */
  releaseAll({ incarnation }: NodeRef): void {
    for (const [key, { node }] of this.#holders) if (node.incarnation === incarnation) this.#holders.delete(key)
  }
}
