/** The beginning and the end of one life of a node, as the server lists it. */
import { randomBytes } from 'node:crypto'
import type { Clock, NodeRef } from '@beamclaw/core'
import { idTaken } from './cluster-failures.ts'
import type { ClusterNames } from './cluster-names.ts'
import { enterScript, leaveScript } from './cluster-scripts.ts'
import { stopped, storeReplaced } from './failures.ts'
import { storeName } from './key-names.ts'
import { type MemberView, readView } from './member-view.ts'
import type { RedisReply } from './redis-client.ts'
import type { RedisLink } from './redis-link.ts'
import { momentOf, SelfFence } from './self-fence.ts'

/** What lives are made of. */
export interface NodeLivesOptions {
  readonly link: RedisLink
  readonly names: ClusterNames
  readonly prefix: string
  /** The id of the store, once a connection was checked. */
  readonly storeId: () => string | undefined
  readonly heartbeatMs: number
  readonly ttlMs: number
  readonly clock: Clock
}

/** One life of this node. */
export interface NodeLife {
  readonly self: NodeRef
  readonly fence: SelfFence
  readonly unsubscribe: () => Promise<void>
  /** The record that the server has. */
  written: string
}

/** What a life begins with. */
export interface Birth {
  readonly self: NodeRef
  /** Incarnations of this process before it, which the server may have on its list still. */
  readonly before: readonly string[]
  /** Returns the member record. */
  readonly record: () => string
  readonly onMessage: (text: string) => void
  /** False when the node was stopped meanwhile. */
  readonly isWanted: () => boolean
}

/** A life that the server has listed. */
export interface BegunLife {
  readonly life: NodeLife
  readonly view: MemberView
  /** By the monotonic clock. */
  readonly askedAt: number
}

/** Returns a name for a life, unlike every other. */
export function newIncarnation(): string {
  return randomBytes(15).toString('base64url')
}

/** Begins and ends lives. */
export class NodeLives {
  readonly #options: NodeLivesOptions

  constructor(options: NodeLivesOptions) {
    this.#options = options
  }

  /** Subscribes the channel, and then has the incarnation listed. Rejects `node-id-taken` while another live node has the id. */
  async begin(birth: Birth): Promise<BegunLife> {
    const { link, names } = this.#options
    const channel = names.channel(birth.self.incarnation)
    const unsubscribe = await link.subscribe('joining the cluster', channel, birth.onMessage)
    try {
      return await this.#enter(birth, unsubscribe)
    } catch (error) {
      unsubscribe().catch(() => undefined)
      throw error
    }
  }

  /** Takes the incarnation off the list, so that the others need not wait. Never rejects. */
  async end({ incarnation }: NodeRef, unsubscribe: () => Promise<void>): Promise<void> {
    const { link, names } = this.#options
    const args = [names.channels, incarnation, names.changes]
    await Promise.allSettled([link.script('leaving the cluster', leaveScript, [names.nodes, names.members], args), unsubscribe()])
  }

  async #enter({ self, before, record, isWanted }: Birth, unsubscribe: () => Promise<void>): Promise<BegunLife> {
    const { link, names, prefix, storeId, heartbeatMs, ttlMs, clock } = this.#options
    const keys = [names.nodes, names.members, storeName(prefix)]
    const giveUpAt = clock.monotonic() + 2 * heartbeatMs
    for (;;) {
      const sentAt = momentOf(clock)
      const written = record()
      const own = [self.incarnation, self.id, String(ttlMs), written, before.join(',')]
      const args = [names.channels, ...own, names.changes, storeId() ?? '']
      const reply = (await link.script('joining the cluster', enterScript, keys, args)) as readonly RedisReply[]
      const [outcome, other] = reply
      if (!isWanted()) {
        await this.end(self, unsubscribe)
        throw stopped('the cluster is stopped')
      }
      if (outcome === 'ok') {
        const fence = new SelfFence(clock, (2 * ttlMs) / 3, sentAt)
        return { life: { self, unsubscribe, fence, written }, view: readView(reply), askedAt: sentAt.monotonic }
      }
      if (outcome === 'replaced')
        throw storeReplaced('Redis holds another store than this process began with', { found: other ?? undefined })
      // The server may not have noticed yet that the life before has ended.
      if (clock.monotonic() >= giveUpAt) throw idTaken(self.id, String(other))
      await new Promise<void>((resolve) => void clock.setTimer(resolve, Math.ceil(heartbeatMs / 4), true))
    }
  }
}
