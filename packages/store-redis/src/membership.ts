/** This node as a member of the cluster: its heartbeats, the list of the others, and the end of it all when the server is not heard. */
import { randomBytes } from 'node:crypto'
import { BeamClawError, type Clock, type Logger, type Member, type NodeId, type NodeRef, type TimerHandle } from '@beamclaw/core'
import { definedOnly } from '@beamclaw/core/adapter'
import { idTaken, isolated } from './cluster-failures.ts'
import type { ClusterNames } from './cluster-names.ts'
import { beatScript, enterScript, leaveScript } from './cluster-scripts.ts'
import { DeathWatch } from './death-watch.ts'
import { stopped, storeReplaced } from './failures.ts'
import { storeName } from './key-names.ts'
import { encodeMember, type MemberRecord } from './member-record.ts'
import { type MemberView, membersOf, readView } from './member-view.ts'
import type { RedisClient, RedisReply } from './redis-client.ts'
import type { RedisLink } from './redis-link.ts'
import { momentOf, SelfFence } from './self-fence.ts'

/** What a membership is made of. */
export interface MembershipOptions {
  readonly link: RedisLink
  readonly client: Pick<RedisClient, 'onReconnect'>
  readonly names: ClusterNames
  readonly prefix: string
  readonly id: NodeId
  /** The id of the store, once a connection was checked. */
  readonly storeId: () => string | undefined
  readonly heartbeatMs: number
  readonly ttlMs: number
  readonly clock: Clock
  readonly logger: Logger | undefined
  readonly listener: MembershipListener
}

/** Hears of a membership. Never throws. */
export interface MembershipListener {
  /** A message in the channel of the present life, or of one before. */
  onMessage(text: string): void
  /** After each list; `askedAt` is when it was asked for, by the monotonic clock. */
  onView(members: readonly Member[], askedAt: number): void
  onIsolated(): void
  onRejoined(self: NodeRef): void
}

/** One life of this node. */
interface Life {
  readonly self: NodeRef
  readonly fence: SelfFence
  readonly unsubscribe: () => Promise<void>
  /** The record that the server has. */
  written: string
}

type Phase =
  | { readonly name: 'new' }
  | { readonly name: 'joining'; readonly done: Promise<void> }
  | { readonly name: 'up'; readonly life: Life }
  | { readonly name: 'isolated'; readonly life: Life; isRejoining: boolean }
  | { readonly name: 'stopped' }

/**
 * Phases: `new → joining → up ⇄ isolated → stopped`. `joining` falls back to `new` when it fails. Owns the timers of the heartbeat and the fence, and the
 * subscriptions.
 *
 * - I1: `up` begins after the server has listed the incarnation and its channel is subscribed.
 * - I2: `up` ends when two thirds of the time to live have passed since the last renewal that the server confirmed was sent, or when the server says that the
 *   incarnation is gone. No incarnation comes back.
 * - I3: one list is asked for at a time, so that no list is followed by an older one.
 */
export class Membership {
  readonly #options: MembershipOptions
  readonly #watch: DeathWatch
  #phase: Phase = { name: 'new' }
  #self: NodeRef
  #record: MemberRecord
  #members: readonly Member[] = []
  #view: MemberView = { now: 0, nodes: [] }
  #viewedAt = 0
  #trustedFrom = 0
  #endChanges: (() => Promise<void>) | undefined
  #removeListener: (() => void) | undefined
  #timers: { readonly beat: TimerHandle; readonly fence: TimerHandle } | undefined
  #beat: Promise<void> | undefined
  #nextBeat: Promise<void> | undefined
  #isNews = false

  constructor(options: MembershipOptions) {
    this.#options = options
    const { id, heartbeatMs, ttlMs } = options
    this.#watch = new DeathWatch(heartbeatMs)
    this.#self = { id, incarnation: newIncarnation() }
    this.#record = { id, state: 'up', load: 0, wire: [1, 1], records: [1, 1], isMember: false, heartbeatMs, ttlMs }
  }

  get self(): NodeRef {
    return this.#self
  }

  get members(): readonly Member[] {
    return this.#members
  }

  /** The present life. Throws `node-isolated` where there is none, also when this process has slept longer than it may; `store-stopped` after `stop`. */
  get life(): Life {
    this.#checkFence()
    if (this.#phase.name === 'up') return this.#phase.life
    throw this.#phase.name === 'stopped' ? stopped('the cluster is stopped') : isolated(this.#options.heartbeatMs)
  }

  get isUp(): boolean {
    this.#checkFence()
    return this.#phase.name === 'up'
  }

  /** Makes this node alive in the cluster, with its leases and as no member yet, unless it is. */
  async enter(): Promise<void> {
    if (this.#phase.name === 'joining') return await this.#phase.done
    if (this.#phase.name !== 'new') return void this.life
    const done = this.#enterFirst()
    this.#phase = { name: 'joining', done }
    await done
  }

  /** Changes the record that the others see; resolves once the server has it. */
  async announce(change: Partial<Pick<MemberRecord, 'state' | 'load' | 'wire' | 'records' | 'isMember'>>, isNews: boolean): Promise<void> {
    this.#record = { ...this.#record, ...definedOnly(change) }
    this.#isNews ||= isNews
    await this.refresh()
  }

  /** Asks for a list, after any that is under way. */
  refresh(): Promise<void> {
    if (this.#nextBeat !== undefined) return this.#nextBeat
    if (this.#beat === undefined) return this.#startBeat()
    this.#nextBeat = this.#beat.then(
      () => this.#startBeat(),
      () => this.#startBeat(),
    )
    return this.#nextBeat
  }

  /** Ends the present life: its keys may have other owners. */
  isolate(reason: string): void {
    if (this.#phase.name !== 'up') return
    this.#phase = { name: 'isolated', life: this.#phase.life, isRejoining: false }
    this.#options.logger?.log('warn', 'store-redis.isolated', { node: this.#self.id, problem: reason })
    this.#options.listener.onIsolated()
  }

  async stop(): Promise<void> {
    const before = this.#phase
    this.#phase = { name: 'stopped' }
    this.#timers?.beat.cancel()
    this.#timers?.fence.cancel()
    this.#removeListener?.()
    if (before.name === 'joining') await before.done.catch(() => undefined)
    await Promise.allSettled([this.#beat, this.#nextBeat])
    // A life that joined too late to be used left by itself.
    const leaving = before.name === 'up' || before.name === 'isolated' ? this.#leave(before.life.self, before.life.unsubscribe) : undefined
    await Promise.allSettled([leaving, this.#endChanges?.()])
  }

  async #leave({ incarnation }: NodeRef, unsubscribe: () => Promise<void>): Promise<void> {
    const { link, names } = this.#options
    const args = [names.channels, incarnation, names.changes]
    await Promise.allSettled([link.script('leaving the cluster', leaveScript, [names.nodes, names.members], args), unsubscribe()])
  }

  async #enterFirst(): Promise<void> {
    try {
      const life = await this.#newLife(this.#self, undefined)
      if (this.#phase.name !== 'joining') return
      this.#phase = { name: 'up', life }
      this.#setTimers()
      this.#tell()
    } catch (error) {
      if (this.#phase.name === 'joining') this.#phase = { name: 'new' }
      throw error
    }
  }

  async #rejoin(): Promise<void> {
    const phase = this.#phase
    if (phase.name !== 'isolated' || phase.isRejoining) return
    phase.isRejoining = true
    const before = phase.life
    try {
      const life = await this.#newLife({ id: before.self.id, incarnation: newIncarnation() }, before.self)
      if (this.#phase !== phase) return
      this.#phase = { name: 'up', life }
      this.#self = life.self
      this.#options.logger?.log('info', 'store-redis.rejoined', { node: life.self.id })
      this.#options.listener.onRejoined(life.self)
      this.#tell()
      before.unsubscribe().catch(() => undefined)
    } catch (error) {
      if (BeamClawError.isInstance(error, 'node-id-taken')) {
        this.#options.logger?.log('error', 'store-redis.node-id-taken', { node: before.self.id, problem: error.message })
      }
    } finally {
      phase.isRejoining = false
    }
  }

  /** Subscribes the channel of an incarnation and has it listed. `before` is the life of this process before it. */
  async #newLife(self: NodeRef, before: NodeRef | undefined): Promise<Life> {
    const { link, client, names, prefix, clock, ttlMs, listener } = this.#options
    await link.read('joining the cluster', ['EXISTS', storeName(prefix)])
    this.#removeListener ??= client.onReconnect((trouble) => this.#connected(trouble))
    this.#endChanges ??= await link.subscribe('joining the cluster', names.changes, (from) => this.#heardOfChange(from))
    const channel = names.channel(self.incarnation)
    const unsubscribe = await link.subscribe('joining the cluster', channel, (text) => listener.onMessage(text))
    try {
      for (const giveUpAt = clock.monotonic() + 2 * this.#options.heartbeatMs; ; await this.#pause()) {
        const sentAt = momentOf(clock)
        const record = encodeMember(this.#record)
        const [outcome, other, ...rest] = await this.#enterScript(self, record, before)
        if (this.#phase.name === 'stopped') {
          await this.#leave(self, unsubscribe)
          throw stopped('the cluster is stopped')
        }
        if (outcome === 'ok') {
          this.#see(readView([outcome, other as RedisReply, ...rest]), self, sentAt.monotonic)
          return { self, unsubscribe, fence: new SelfFence(clock, (2 * ttlMs) / 3, sentAt), written: record }
        }
        if (outcome === 'replaced')
          throw storeReplaced('Redis holds another store than this process began with', { found: other ?? undefined })
        // The end of the life before may not have been noticed yet.
        if (clock.monotonic() >= giveUpAt) throw idTaken(self.id, String(other))
      }
    } catch (error) {
      unsubscribe().catch(() => undefined)
      throw error
    }
  }

  async #enterScript(self: NodeRef, record: string, before: NodeRef | undefined): Promise<readonly RedisReply[]> {
    const { link, names, prefix, ttlMs, storeId } = this.#options
    const keys = [names.nodes, names.members, storeName(prefix)]
    const own = [self.incarnation, self.id, String(ttlMs), record, before?.incarnation ?? '']
    const args = [names.channels, ...own, names.changes, storeId() ?? '']
    return (await link.script('joining the cluster', enterScript, keys, args)) as readonly RedisReply[]
  }

  #pause(): Promise<void> {
    const { clock, heartbeatMs } = this.#options
    return new Promise((resolve) => void clock.setTimer(resolve, Math.ceil(heartbeatMs / 4), true))
  }

  #setTimers(): void {
    const { clock, heartbeatMs } = this.#options
    const beat = (): TimerHandle =>
      clock.setTimer(
        () => {
          this.#timers = { beat: beat(), fence: this.#timers?.fence ?? fence() }
          if (this.#phase.name === 'isolated') void this.#rejoin()
          else if (this.#beat === undefined && this.isUp) void this.refresh().catch(() => undefined)
        },
        heartbeatMs,
        true,
      )
    const fence = (): TimerHandle =>
      clock.setTimer(
        () => {
          this.#checkFence()
          this.#timers = { beat: this.#timers?.beat ?? beat(), fence: fence() }
        },
        this.#phase.name === 'up' ? Math.max(1, this.#phase.life.fence.remainingMs) : heartbeatMs,
        true,
      )
    this.#timers = { beat: beat(), fence: fence() }
  }

  #checkFence(): void {
    if (this.#phase.name !== 'up' || this.#phase.life.fence.remainingMs > 0) return
    this.isolate('no renewal of the membership was confirmed for two thirds of its time to live')
  }

  #startBeat(): Promise<void> {
    this.#nextBeat = undefined
    const beat = this.#renew().finally(() => {
      if (this.#beat === beat) this.#beat = undefined
    })
    this.#beat = beat
    return beat
  }

  async #renew(): Promise<void> {
    const { link, names, clock, ttlMs } = this.#options
    const { life } = this
    const sentAt = momentOf(clock)
    const record = encodeMember(this.#record)
    const isNews = this.#isNews
    this.#isNews = false
    const args = [
      names.channels,
      life.self.incarnation,
      String(ttlMs),
      record === life.written ? '' : record,
      isNews ? '1' : '0',
      names.changes,
    ]
    for (const { incarnation, ends } of this.#suspects(sentAt.monotonic)) args.push(incarnation, ends)
    const reply = await link.script('renewing the membership', beatScript, [names.nodes, names.members], args).catch((error: unknown) => {
      this.#isNews ||= isNews
      throw error
    })
    if (this.#phase.name !== 'up' || this.#phase.life !== life) throw isolated(this.#options.heartbeatMs)
    const [outcome, ...rest] = reply as readonly RedisReply[]
    if (outcome === 'gone') {
      this.isolate('the others took this node for dead')
      void this.#rejoin()
      throw isolated(this.#options.heartbeatMs)
    }
    life.fence.confirm(sentAt)
    life.written = record
    this.#see(readView([outcome as RedisReply, ...rest]), life.self, sentAt.monotonic)
    this.#checkFence()
    if (this.isUp) this.#tell()
  }

  #suspects(monotonic: number): ReturnType<DeathWatch['suspects']> {
    return monotonic < this.#trustedFrom ? [] : this.#watch.suspects(this.#view, this.#view.now + (monotonic - this.#viewedAt))
  }

  #see(view: MemberView, self: NodeRef, askedAt: number): void {
    this.#view = view
    this.#viewedAt = askedAt
    this.#watch.see(view, self.incarnation)
  }

  /** Makes the latest list the one that counts. */
  #tell(): void {
    this.#members = membersOf(this.#view)
    this.#options.listener.onView(this.#members, this.#viewedAt)
  }

  #connected(trouble: unknown): void {
    if (trouble !== undefined) return
    // After a restart of the server all nodes come back, one after the other.
    this.#watch.reset()
    this.#trustedFrom = this.#options.clock.monotonic() + this.#options.ttlMs / 3
  }

  #heardOfChange(from: string): void {
    if (from !== this.#self.incarnation && this.#nextBeat === undefined && this.isUp) void this.refresh().catch(() => undefined)
  }
}

function newIncarnation(): string {
  return randomBytes(15).toString('base64url')
}
