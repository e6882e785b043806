/** What the parent does between its workers: membership, ownership, and the way from one to another. */
import type { Clock, ClusterHost, JsonValue, Location, Logger, Member, MemberState, NodeRef, TimerHandle } from '@beamclaw/core'
import { BeamClawError } from '@beamclaw/core'
import { describeError, placementOf, toWireError } from '@beamclaw/core/adapter'
import { KeyRegistry } from './key-registry.ts'
import type { Line } from './line.ts'
import { type Operation, type OutMail, readFromWorker, type ToWorker } from './messages.ts'
import { type BalancedWorker, nextMove } from './shard-balance.ts'
import { type KeepOwners, ShardTable } from './shard-table.ts'
import { shardOfLease } from './shards.ts'
import { StrayedSessions } from './strayed-sessions.ts'

export interface HubOptions {
  /** Keeps the map of shards. @default keeps it in memory alone */
  readonly keep?: KeepOwners
  readonly logger?: Logger
  /** @default performance.now */
  readonly monotonic?: () => number
  /** Times moves of shards between workers that run; without it, none move. */
  readonly setTimer?: Clock['setTimer']
  /** Milliseconds that a worker has stood before it gets shards of the others. @default 30000 */
  readonly settleMs?: number
  /** Wall time: epochs are taken from it, so that the next parent has the higher ones. @default Date.now */
  readonly now?: () => number
}

interface Worker {
  readonly ref: NodeRef
  readonly send: (message: ToWorker) => void
  /** What it has told of itself; undefined before it joins and after it has left. */
  member: Member | undefined
  /** True once it has been a member for `settleMs`. */
  isSettled: boolean
  isToldUnreadable?: boolean
}

/** A shard on its way. */
interface Moving {
  readonly shard: number
  readonly from: NodeRef
  readonly to: NodeRef
}

/** Milliseconds after a change before a shard moves: when the whole machine is being stopped, all workers drain at nearly the same time. */
const calmMs = 250

/** An epoch must stay a whole number that JSON can hold. */
const highestEpoch = Number.MAX_SAFE_INTEGER - 1

/** Default for `HubOptions.settleMs`. */
const defaultSettleMs = 30_000

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
 * I1: The session of a shard is granted to the worker of that shard alone; one that was granted before the shard moved stays with its worker until that one
 * releases it. At most one shard is on its way from a worker that runs. I2: A worker learns of a new map before it learns that a member has left. I3: What a
 * worker sends names its sender by the line on which it came. I4: Epochs grow for all keys together.
 */
export class Hub {
  readonly #workers = new Map<string, Worker>()
  readonly #shards: ShardTable
  readonly #keys: KeyRegistry
  readonly #logger: Logger | undefined
  readonly #now: () => number
  readonly #setTimer: Clock['setTimer'] | undefined
  readonly #settleMs: number
  readonly #timers = new Set<TimerHandle>()
  readonly #strayed: StrayedSessions
  #moving: Moving | undefined
  #isStopped = false
  #lastEpoch = 0
  #grants = 0

  constructor({ keep, logger, monotonic = () => performance.now(), now = Date.now, setTimer, settleMs }: HubOptions = {}) {
    this.#setTimer = setTimer
    this.#settleMs = settleMs ?? defaultSettleMs
    this.#shards = new ShardTable(keep, (error) => logger?.log('error', 'workers.map-not-kept', { problem: describeError(error) }))
    this.#logger = logger
    this.#now = now
    this.#keys = new KeyRegistry({ monotonic, isLive: ({ incarnation }) => this.#workers.has(incarnation) })
    this.#strayed = new StrayedSessions(this.#keys, this.#shards)
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
      this.#workers.set(ref.incarnation, { ref, send: (message) => line.send(message), member: undefined, isSettled: false })
    this.#shards.deal(this.workers)
    this.#tellAll()
    return entries.map(({ ref }) => ({
      hear: (message) => this.#hear(ref, message),
      ended: () => this.#ended(ref),
    }))
  }

  /** Moves no shard any more: the workers are being stopped. */
  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  #ended(ref: NodeRef): void {
    if (!this.#workers.delete(ref.incarnation)) return
    this.#keys.releaseAll(ref)
    if (this.#moving?.from.incarnation === ref.incarnation) this.#moving = undefined
    const all = [...this.#workers.values()]
    // One that is still being started would have its shards wait for it, and one that drains would give them on.
    const ready = all.filter(({ member }) => member !== undefined)
    const up = ready.filter(({ member }) => member?.state === 'up')
    const heirs = [up, ready, all].find((some) => some.length > 0) ?? []
    this.#shards.deal(
      heirs.map((worker) => worker.ref),
      ref,
    )
    this.#strayed.look()
    this.#tellAll([ref.incarnation])
    this.#moveSoon()
  }

  // ---- shards that move between workers that run

  #moveSoon(): void {
    this.#after(calmMs, () => this.#move())
  }

  #after(ms: number, act: () => void): void {
    if (this.#setTimer === undefined || this.#isStopped) return
    const timer = this.#setTimer(() => {
      this.#timers.delete(timer)
      act()
    }, ms)
    this.#timers.add(timer)
  }

  #move(): void {
    if (this.#moving !== undefined || this.#isStopped) return
    const workers = [...this.#workers.values()].flatMap(({ ref, member, isSettled }): BalancedWorker[] =>
      member === undefined ? [] : [{ ref, state: member.state, isSettled }],
    )
    const move = nextMove(this.#shards.owners, workers)
    const from = move === undefined ? undefined : this.#shards.ownerOf(move.shard)
    if (move === undefined || from === undefined) return
    this.#moving = { ...move, from }
    this.#workers.get(from.incarnation)?.send({ t: 'yield', shard: move.shard })
  }

  #yielded({ ref }: Worker, shard: number): null {
    const moving = this.#moving
    if (moving?.shard !== shard || moving.from.incarnation !== ref.incarnation) return null
    this.#moving = undefined
    // The heir may have died, or begun to drain; then its first owner has it again, and the next look finds another one.
    if (this.#workers.get(moving.to.incarnation)?.member?.state === 'up') {
      this.#shards.give(shard, moving.to)
      this.#logger?.log('info', 'workers.shard-moved', { shard, from: ref.id, to: moving.to.id })
    }
    this.#strayed.look()
    this.#tellAll()
    this.#move()
    return null
  }

  #hear(ref: NodeRef, given: unknown): void {
    const worker = this.#workers.get(ref.incarnation)
    if (worker === undefined) return
    const message = readFromWorker(given)
    if (message === undefined) return this.#tellUnreadable(worker)
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
        if (this.#keys.ownerOf(what.key) === undefined && this.#strayed.released(what.key)) this.#tellAll()
        return null
      case 'yielded':
        return this.#yielded(worker, what.shard)
      case 'locate': {
        const { node, isOwner } = this.#locate(what.key) ?? { node: worker.ref, isOwner: false }
        return { node: { id: node.id, incarnation: node.incarnation }, isOwner }
      }
      case 'leave':
        worker.member = undefined
        this.#keys.releaseAll(worker.ref)
        this.#strayed.look()
        this.#tellAll()
        return null
    }
  }

  /** Once for each worker: there may be thousands. */
  #tellUnreadable(worker: Worker): void {
    if (!worker.isToldUnreadable) this.#logger?.log('warn', 'workers.unreadable-message', { worker: worker.ref.id })
    worker.isToldUnreadable = true
  }

  #join(worker: Worker, { wire, records }: Pick<ClusterHost, 'wire' | 'records'>): JsonValue {
    worker.member = { ...worker.ref, state: 'up', load: 0, wire, records }
    this.#tellAll()
    this.#after(this.#settleMs, () => {
      worker.isSettled = true
      this.#move()
    })
    return null
  }

  #announce(worker: Worker, { state, load }: { readonly state?: MemberState; readonly load?: number }): JsonValue {
    const { member } = worker
    if (member === undefined) return null
    worker.member = { ...member, state: state ?? member.state, load: load ?? member.load }
    this.#tellAll()
    if (state !== undefined) this.#moveSoon()
    return null
  }

  #acquire(node: NodeRef, key: string, above: number): JsonValue {
    if (above >= highestEpoch) throw new BeamClawError('invalid-option', 'There is no epoch above the one that is given')
    const shard = shardOfLease(key)
    const inTheWay = shard === undefined ? this.#keys.inTheWayOf(key, node) : this.#otherOwner(key, shard, node)
    if (inTheWay !== undefined) {
      const owner = { id: inTheWay.id, incarnation: inTheWay.incarnation }
      throw new BeamClawError('fenced', `Worker "${inTheWay.id}" owns the key "${key.slice(0, 512)}"`, { details: { owner } })
    }
    this.#lastEpoch = Math.max(this.#lastEpoch + 1, this.#now(), above + 1)
    const nonce = `${node.incarnation}-${++this.#grants}`
    this.#keys.hold(key, node, nonce)
    return { epoch: this.#lastEpoch, nonce }
  }

  /** Returns the worker that keeps `node` from having a session: the one that still has it, else that of its shard. */
  #otherOwner(key: string, shard: number, { incarnation }: NodeRef): NodeRef | undefined {
    const owner = this.#keys.ownerOf(key) ?? this.#shards.ownerOf(shard)
    return owner?.incarnation === incarnation ? undefined : owner
  }

  #locate(key: string): Location | undefined {
    const shard = shardOfLease(key)
    const owner = this.#keys.ownerOf(key) ?? (shard === undefined ? undefined : this.#shards.ownerOf(shard))
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
    const view: ToWorker = { t: 'view', members: this.members, shards: this.#shards.owners, mixed: this.#strayed.shards, gone }
    for (const { send } of this.#workers.values()) send(view)
  }
}
