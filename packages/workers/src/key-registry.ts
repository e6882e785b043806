/** Who owns which key that belongs to no shard. */
import type { NodeRef } from '@beamclaw/core'

/** How long a key that was handed over is kept for the worker that it was handed to, in milliseconds. */
const handOverMs = 5_000

interface Holder {
  readonly node: NodeRef
  readonly nonce: string
}

interface HandOver {
  readonly to: NodeRef
  /** On the monotonic clock. */
  readonly until: number
}

export interface KeyRegistryOptions {
  readonly monotonic: () => number
  readonly isLive: (node: NodeRef) => boolean
}

/** I1: a holder and a hand-over count only while their worker is live. */
export class KeyRegistry {
  readonly #options: KeyRegistryOptions
  readonly #holders = new Map<string, Holder>()
  readonly #handOvers = new Map<string, HandOver>()

  constructor(options: KeyRegistryOptions) {
    this.#options = options
  }

  ownerOf(key: string): NodeRef | undefined {
    const node = this.#holders.get(key)?.node
    return node !== undefined && this.#options.isLive(node) ? node : undefined
  }

  /** Returns the worker that alone may claim the key now. */
  heirOf(key: string): NodeRef | undefined {
    const handOver = this.#handOvers.get(key)
    if (handOver === undefined) return undefined
    if (handOver.until > this.#options.monotonic() && this.#options.isLive(handOver.to)) return handOver.to
    this.#handOvers.delete(key)
    return undefined
  }

  /** Returns the worker that keeps `node` from having the key; undefined when nothing does. */
  inTheWayOf(key: string, node: NodeRef): NodeRef | undefined {
    const other = this.ownerOf(key) ?? this.heirOf(key)
    return other === undefined || other.id === node.id ? undefined : other
  }

  /** All keys that have an owner. */
  get held(): readonly string[] {
    return [...this.#holders.keys()].filter((key) => this.ownerOf(key) !== undefined)
  }

  hold(key: string, node: NodeRef, nonce: string): void {
    this.#handOvers.delete(key)
    this.#holders.set(key, { node, nonce })
  }

  release(key: string, nonce: string, node: NodeRef, to: NodeRef | undefined): void {
    const holder = this.#holders.get(key)
    if (holder?.node.incarnation !== node.incarnation || holder.nonce !== nonce) return
    this.#holders.delete(key)
    if (to !== undefined) this.#handOvers.set(key, { to, until: this.#options.monotonic() + handOverMs })
  }

  /** Releases every key of a life that has ended. */
  releaseAll({ incarnation }: NodeRef): void {
    for (const [key, { node }] of this.#holders) if (node.incarnation === incarnation) this.#holders.delete(key)
  }
}
