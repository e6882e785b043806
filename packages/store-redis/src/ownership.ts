/** Who owns a key: one hash for each, which the server alone changes and compares with the list of live nodes. */
import { randomUUID } from 'node:crypto'
import type { Clock, Lease, NodeId, NodeRef } from '@beamclaw/core'
import { isolated, notListed, owned } from './cluster-failures.ts'
import type { ClusterNames } from './cluster-names.ts'
import { claimScript, keepScript, locateScript, releaseScript } from './cluster-scripts.ts'
import type { Membership } from './membership.ts'
import type { RedisLink } from './redis-link.ts'

/** What ownership is made of. */
export interface OwnershipOptions {
  readonly link: RedisLink
  readonly names: ClusterNames
  readonly id: NodeId
  readonly membership: Pick<Membership, 'life' | 'isolate'>
  readonly ttlMs: number
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** Milliseconds for which the server keeps the owner of a key; renewed in half that time. @default a day */
  readonly keepMs?: number
}

/** Where a key is: at its owner, on its way to a node, or nowhere. */
export type Place = { readonly epoch: number } & ({ readonly kind: 'owned' | 'handed'; readonly node: NodeRef } | { readonly kind: 'free' })

const day = 24 * 3_600_000
/** How long the last epoch of a free key is kept: afterwards the clock is above it, even if it was set back by as much. */
const keepFreeMs = 3_600_000
const handOverMs = 5_000
const keptAtOnce = 500

interface Held {
  readonly nonce: string
  readonly keptAt: number
}

/**
 * Claims and releases keys for the present life of this node. Owns the list of keys that it holds, whose only use is that the server does not forget them: a
 * key that was forgotten may be claimed by another node, and its epoch is above nevertheless.
 */
export class Ownership {
  readonly #options: OwnershipOptions
  readonly #keepMs: number
  /** Those that were kept longest ago first. */
  readonly #held = new Map<string, Held>()
  #isKeeping = false

  constructor(options: OwnershipOptions) {
    this.#options = options
    this.#keepMs = options.keepMs ?? day
  }

  /** Rejects `fenced` as the port says, `node-isolated` when this life ended meanwhile. */
  async claim(key: string, aboveEpoch: number): Promise<Lease> {
    const { membership, ttlMs } = this.#options
    const life = membership.life
    const { id, incarnation } = life.self
    const nonce = randomUUID()
    const args = [id, incarnation, nonce, String(aboveEpoch), String(this.#keepMs)]
    const [outcome, first, second] = (await this.#script('claiming a key', claimScript, key, args)) as readonly string[]
    if (outcome === 'gone') membership.isolate(notListed)
    // A grant that arrives late may have passed to another node.
    if (membership.life !== life) throw isolated(0)
    if (outcome === 'owned') throw owned(key, { id: first as NodeId, incarnation: second as string })
    this.#hold(key, { nonce, keptAt: this.#options.clock.monotonic() })
    return { key, owner: id, token: { epoch: Number(first), nonce }, expiresAt: life.fence.confirmedAt + ttlMs }
  }

  /** Releases nothing when another lease holds the key, or the lease is another node's. */
  async release({ key, token }: Lease, to: NodeRef | undefined): Promise<void> {
    if (this.#held.get(key)?.nonce === token.nonce) this.#held.delete(key)
    const next = [to?.id ?? '', to?.incarnation ?? '', String(handOverMs)]
    const args = [String(token.epoch), token.nonce, String(keepFreeMs), ...next, this.#options.id]
    await this.#script('releasing a key', releaseScript, key, args)
  }

  async locate(key: string): Promise<Place> {
    const { link, names } = this.#options
    const reply = await link.readScript('looking for the owner of a key', locateScript, [names.nodes, names.owner(key)], [])
    const [last, kind, id, incarnation] = reply as readonly string[]
    const epoch = Number(last)
    if (kind !== 'owned' && kind !== 'handed') return { kind: 'free', epoch }
    return { kind, node: { id: id as NodeId, incarnation: incarnation as string }, epoch }
  }

  /** Has the server keep the keys that it would forget first. Called with each heartbeat: one that could not be kept is tried again by the next. */
  async keep(): Promise<void> {
    if (this.#isKeeping) return
    const now = this.#options.clock.monotonic()
    const due: [key: string, held: Held][] = []
    for (const entry of this.#held) {
      if (now - entry[1].keptAt < this.#keepMs / 2 || due.length === keptAtOnce) break
      due.push(entry)
    }
    this.#isKeeping = true
    const keeping = due.map(async ([key, held]) => {
      await this.#script('keeping a key', keepScript, key, [held.nonce, String(this.#keepMs)])
      // It may have been released meanwhile, or claimed again.
      if (this.#held.get(key) === held) this.#hold(key, { nonce: held.nonce, keptAt: now })
    })
    await Promise.allSettled(keeping)
    this.#isKeeping = false
    await Promise.all(keeping)
  }

  #hold(key: string, held: Held): void {
    this.#held.delete(key)
    this.#held.set(key, held)
  }

  /** The life that held the keys is over. */
  forget(): void {
    this.#held.clear()
  }

  #script(doing: string, script: typeof claimScript, key: string, args: readonly string[]): Promise<unknown> {
    const { link, names } = this.#options
    return link.script(doing, script, [names.nodes, names.owner(key)], args)
  }
}
