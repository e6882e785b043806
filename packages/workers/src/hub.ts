/** What the parent does between its workers: membership, ownership, and the way from one to another. */
import type { ClusterHost, JsonValue, Location, Logger, Member, MemberState, NodeRef } from '@beamclaw/core'
import { BeamClawError } from '@beamclaw/core'
import { placementOf, toWireError } from '@beamclaw/core/adapter'
import { KeyRegistry } from './key-registry.ts'
import type { Line } from './line.ts'
import { type Operation, type OutMail, readFromWorker, type ToWorker } from './messages.ts'
import { type KeepOwners, ShardTable } from './shard-table.ts'
import { shardOfLease } from './shards.ts'

export interface HubOptions {
  /** Keeps the map of shards. @default keeps it in memory alone */
  readonly keep?: KeepOwners
  readonly logger?: Logger
  /** @default performance.now */
  readonly monotonic?: () => number
  /** Wall time: epochs are taken from it, so that the next parent has the higher ones. @default Date.now */
  readonly now?: () => number
}

interface Worker {
  readonly ref: NodeRef
  readonly send: (message: ToWorker) => void
  /** What it has told of itself; undefined before it joins and after it has left. */
  member: Member | undefined
}

/** One worker, as its process sees the hub. */
export interface Connection {
  /** Called with what the worker sent. */
  hear(message: unknown): void
  /** Called once its process has ended: its keys are free, its shards go to the others. Idempotent. */
  ended(): void
}

/**
 * Owns the members, the keys and the map of shards; holds no session.
 *
 * I1: The session of a shard is granted to the worker of that shard alone. I2: A worker learns of a new map before it learns that a member has left. I3: What a
 * worker sends names its sender by the line on which it came. I4: Epochs grow for all keys together.
 */
export class Hub {
  readonly #workers = new Map<string, Worker>()
  readonly #shards: ShardTable
  readonly #keys: KeyRegistry
  readonly #logger: Logger | undefined
  readonly #now: () => number
  #lastEpoch = 0
  #grants = 0

  constructor({ keep, logger, monotonic = () => performance.now(), now = Date.now }: HubOptions = {}) {
    this.#shards = new ShardTable(keep)
    this.#logger = logger
    this.#now = now
    this.#keys = new KeyRegistry({ monotonic, isLive: ({ incarnation }) => this.#workers.has(incarnation) })
  }

  /** The workers whose processes run. */
  get workers(): readonly NodeRef[] {
    return [...this.#workers.values()].map(({ ref }) => ref)
  }

  /** The owner of each shard. */
  get shards(): readonly (NodeRef | null)[] {
    return this.#shards.owners
  }

  /** Adds workers whose processes are being started, and gives them the shards without an owner. */
  connect(entries: readonly { readonly ref: NodeRef; readonly line: Pick<Line, 'send'> }[]): readonly Connection[] {
    for (const { ref, line } of entries)
      this.#workers.set(ref.incarnation, { ref, send: (message) => line.send(message), member: undefined })
    this.#shards.deal(this.workers)
    this.#tellAll()
    return entries.map(({ ref }) => ({
      hear: (message) => this.#hear(ref, message),
      ended: () => this.#ended(ref),
    }))
  }

  #ended(ref: NodeRef): void {
    if (!this.#workers.delete(ref.incarnation)) return
    this.#keys.releaseAll(ref)
    // One that is still being started would have its shards wait for it.
    const ready = [...this.#workers.values()].filter(({ member }) => member !== undefined).map((worker) => worker.ref)
    this.#shards.deal(ready.length > 0 ? ready : this.workers, ref)
    this.#tellAll([ref.incarnation])
  }

  #hear(ref: NodeRef, given: unknown): void {
    const worker = this.#workers.get(ref.incarnation)
    if (worker === undefined) return
    const message = readFromWorker(given)
    if (message === undefined) return void this.#logger?.log('warn', 'workers.unreadable-message', { worker: ref.id })
    if (message.t === 'mail') this.#relay(worker, message)
    if (message.t !== 'op') return
    const { id, what } = message
    try {
      worker.send({ t: 'done', id, result: this.#do(worker, what) })
    } catch (error) {
      worker.send({ t: 'failed', id, error: toWireError(error) })
    }
  }

  #relay(sender: Worker, { kind, scope, id, to, text }: OutMail): void {
    const receiver = this.#workers.get(to)
    const isReached = receiver !== undefined && (scope === 'store' || (receiver.member !== undefined && sender.member !== undefined))
    if (isReached) receiver.send({ t: 'mail', kind, scope, id, from: sender.ref, text })
    else if (kind === 'ask') sender.send({ t: 'lost', id })
  }

  #do(worker: Worker, what: Operation): JsonValue {
    switch (what.op) {
      case 'join':
        return this.#join(worker, what)
      case 'announce':
        return this.#announce(worker, what)
      case 'acquire':
        return this.#acquire(worker.ref, what.key, what.above)
      case 'release':
        this.#keys.release(what.key, what.nonce, worker.ref, what.to)
        return null
      case 'locate': {
        const { node, isOwner } = this.#locate(what.key) ?? { node: worker.ref, isOwner: false }
        return { node: { id: node.id, incarnation: node.incarnation }, isOwner }
      }
      case 'leave':
        worker.member = undefined
        this.#keys.releaseAll(worker.ref)
        this.#tellAll()
        return null
    }
  }

  #join(worker: Worker, { wire, records }: Pick<ClusterHost, 'wire' | 'records'>): JsonValue {
    worker.member = { ...worker.ref, state: 'up', load: 0, wire, records }
    this.#tellAll()
    return null
  }

  #announce(worker: Worker, { state, load }: { readonly state?: MemberState; readonly load?: number }): JsonValue {
    const { member } = worker
    if (member === undefined) return null
    worker.member = { ...member, state: state ?? member.state, load: load ?? member.load }
    this.#tellAll()
    return null
  }

  #acquire(node: NodeRef, key: string, above: number): JsonValue {
    const shard = shardOfLease(key)
    const inTheWay = shard === undefined ? this.#keys.inTheWayOf(key, node) : this.#otherOwner(shard, node)
    if (inTheWay !== undefined) {
      const owner = { id: inTheWay.id, incarnation: inTheWay.incarnation }
      throw new BeamClawError('fenced', `Worker "${inTheWay.id}" owns the key "${key.slice(0, 512)}"`, { details: { owner } })
    }
    this.#lastEpoch = Math.max(this.#lastEpoch + 1, this.#now(), above + 1)
    const nonce = `${node.incarnation}-${++this.#grants}`
    this.#keys.hold(key, node, nonce)
    return { epoch: this.#lastEpoch, nonce }
  }

  #otherOwner(shard: number, { incarnation }: NodeRef): NodeRef | undefined {
    const owner = this.#shards.ownerOf(shard)
    return owner?.incarnation === incarnation ? undefined : owner
  }

  #locate(key: string): Location | undefined {
    const shard = shardOfLease(key)
    const owner = shard === undefined ? this.#keys.ownerOf(key) : this.#shards.ownerOf(shard)
    if (owner !== undefined) return { node: owner, isOwner: true }
    const { members } = this
    // When all are draining, a draining one has to do.
    const anyone = members.map((member): Member => ({ ...member, state: 'up' }))
    const node = this.#keys.heirOf(key) ?? placementOf(key, members) ?? placementOf(key, anyone)
    return node === undefined ? undefined : { node, isOwner: false }
  }

  get members(): readonly Member[] {
    return [...this.#workers.values()].flatMap(({ member }) => (member === undefined ? [] : [member]))
  }

  #tellAll(gone: readonly string[] = []): void {
    const view: ToWorker = { t: 'view', members: this.members, shards: this.#shards.owners, gone }
    for (const { send } of this.#workers.values()) send(view)
  }
}
