/** This node as a member of the cluster: its heartbeats, the list of the others, and the end of it all when the server is not heard. */
import { BeamClawError, type Logger, type Member, type NodeId, type NodeRef } from '@beamclaw/core'
import { definedOnly, describeError } from '@beamclaw/core/adapter'
import { isolated, notListed } from './cluster-failures.ts'
import { beatScript } from './cluster-scripts.ts'
import { DeathWatch } from './death-watch.ts'
import { stopped } from './failures.ts'
import { storeName } from './key-names.ts'
import { encodeMember, type MemberRecord } from './member-record.ts'
import { type MemberView, membersOf, readView } from './member-view.ts'
import { type NodeLife, NodeLives, type NodeLivesOptions, newIncarnation } from './node-life.ts'
import type { RedisClient, RedisReply } from './redis-client.ts'
import { repeat } from './repeat.ts'
import { momentOf } from './self-fence.ts'

/** What a membership is made of. */
export interface MembershipOptions extends NodeLivesOptions {
  readonly client: Pick<RedisClient, 'onReconnect'>
  readonly id: NodeId
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
  /** The server holds other data. */
  onReplaced(error: BeamClawError): void
  onRejoined(self: NodeRef): void
}

/** After the server was away, its clients need so long to come back: their delays grow up to 2 s. */
const longestReturnMs = 5_000
/** Heartbeats without an answer after which the logger is told: the first of them asks. */
const lateBeats = 3
/** Nodes with other times that the logger is told of. */
const mostTold = 100

type Phase =
  | { readonly name: 'new' }
  | { readonly name: 'joining'; readonly done: Promise<void> }
  | { readonly name: 'up'; readonly life: NodeLife }
  | {
      readonly name: 'isolated'
      readonly life: NodeLife
      readonly tried: Set<string>
      rejoining: Promise<void> | undefined
      isFinal: boolean
    }
  | { readonly name: 'stopped' }

/**
 * Phases: `new → joining → up ⇄ isolated → stopped`. `joining` falls back to `new` when it fails. Owns its timers and subscriptions.
 *
 * - I1: `up` begins after the server has listed the incarnation and its channel is subscribed.
 * - I2: `up` ends when two thirds of the time to live have passed since the last renewal that the server confirmed was sent, or when the server says that the
 *   incarnation is gone. No incarnation comes back.
 * - I3: one list is asked for at a time, so that no list is followed by an older one.
 */
export class Membership {
  readonly #options: MembershipOptions
  readonly #lives: NodeLives
  readonly #watch: DeathWatch
  #phase: Phase = { name: 'new' }
  #self: NodeRef
  #record: MemberRecord
  #members: readonly Member[] = []
  #view: MemberView = { now: 0, nodes: [] }
  #viewedAt = 0
  #endChanges: (() => Promise<void>) | undefined
  #removeListener: (() => void) | undefined
  #endTimers: readonly (() => void)[] = []
  #beat: Promise<void> | undefined
  #nextBeat: Promise<void> | undefined
  #isNews = false
  /** Why the last attempt to connect failed; undefined while there is a connection. */
  #trouble: unknown
  /** Heartbeats since the last answer. */
  #unanswered = 0
  readonly #toldTimes = new Set<string>()

  constructor(options: MembershipOptions) {
    this.#options = options
    const { id, heartbeatMs, ttlMs } = options
    this.#lives = new NodeLives(options)
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
  get life(): NodeLife {
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

  /** Ends the present life: its keys may have other owners. With `isFinal` there is no other life either. */
  isolate(reason: string, isFinal = false): void {
    if (this.#phase.name === 'isolated') this.#phase.isFinal ||= isFinal
    if (this.#phase.name !== 'up') return
    const { life } = this.#phase
    this.#phase = { name: 'isolated', life, tried: new Set([life.self.incarnation]), rejoining: undefined, isFinal }
    this.#options.logger?.log('warn', 'store-redis.isolated', { node: this.#self.id, problem: reason })
    this.#options.listener.onIsolated()
  }

  async stop(): Promise<void> {
    const before = this.#phase
    this.#phase = { name: 'stopped' }
    for (const end of this.#endTimers) end()
    this.#removeListener?.()
    if (before.name === 'joining') await before.done.catch(() => undefined)
    await Promise.allSettled([this.#beat, this.#nextBeat, before.name === 'isolated' ? before.rejoining : undefined])
    // A life that joined too late to be used left by itself.
    const leaving =
      before.name === 'up' || before.name === 'isolated' ? this.#lives.end(before.life.self, before.life.unsubscribe) : undefined
    await Promise.allSettled([leaving, this.#endChanges?.()])
  }

  async #enterFirst(): Promise<void> {
    try {
      const life = await this.#begin(this.#self, [])
      if (this.#phase.name !== 'joining') return
      this.#phase = { name: 'up', life }
      this.#startTimers()
      this.#tell()
    } catch (error) {
      if (this.#phase.name === 'joining') this.#phase = { name: 'new' }
      throw error
    }
  }

  #rejoin(): void {
    const phase = this.#phase
    if (phase.name !== 'isolated' || phase.isFinal) return
    phase.rejoining ??= this.#beginAnother(phase).finally(() => {
      phase.rejoining = undefined
    })
  }

  async #beginAnother(phase: Phase & { readonly name: 'isolated' }): Promise<void> {
    const { listener, logger } = this.#options
    const self = { id: this.#self.id, incarnation: newIncarnation() }
    const before = [...phase.tried]
    phase.tried.add(self.incarnation)
    try {
      const life = await this.#begin(self, before)
      if (this.#phase !== phase) return
      this.#phase = { name: 'up', life }
      this.#self = self
      this.#unanswered = 0
      logger?.log('info', 'store-redis.rejoined', { node: self.id })
      listener.onRejoined(self)
      this.#tell()
      phase.life.unsubscribe().catch(() => undefined)
    } catch (error) {
      if (BeamClawError.isInstance(error, 'store-replaced')) listener.onReplaced(error)
      else if (before.length === 1) logger?.log('warn', 'store-redis.not-rejoined', { node: self.id, problem: describeError(error) })
    }
  }

  /** @param before incarnations of this process that are over, or never began as far as it knows. */
  async #begin(self: NodeRef, before: readonly string[]): Promise<NodeLife> {
    const { link, client, names, prefix, listener } = this.#options
    await link.read('joining the cluster', ['EXISTS', storeName(prefix)])
    this.#removeListener ??= client.onReconnect((trouble) => this.#connected(trouble))
    this.#endChanges ??= await link.subscribe('joining the cluster', names.changes, (from) => this.#heardOfChange(from))
    const record = (): string => encodeMember(this.#record)
    const isWanted = (): boolean => this.#phase.name !== 'stopped'
    const begun = await this.#lives.begin({ self, before, record, isWanted, onMessage: (text) => listener.onMessage(text) })
    this.#see(begun.view, self, begun.askedAt)
    return begun.life
  }

  #startTimers(): void {
    const { clock, heartbeatMs } = this.#options
    const untilFence = (): number => (this.#phase.name === 'up' ? Math.max(1, this.#phase.life.fence.remainingMs) : heartbeatMs)
    this.#endTimers = [
      repeat(
        clock,
        () => heartbeatMs,
        () => {
          this.#tellOfOutage()
          this.#beatOrRejoin()
        },
      ),
      repeat(clock, untilFence, () => this.#checkFence()),
    ]
  }

  #beatOrRejoin(): void {
    if (this.#phase.name === 'isolated') this.#rejoin()
    else if (this.#beat === undefined && this.isUp) void this.refresh().catch(() => undefined)
  }

  /** Counted by heartbeats, for a process that stood still has heard no answer either. Told once in each outage, while there is time to mend it. */
  #tellOfOutage(): void {
    if (this.#phase.name !== 'up') return
    this.#unanswered += 1
    if (this.#unanswered !== lateBeats) return
    const { remainingMs } = this.#phase.life.fence
    const why = this.#trouble === undefined ? 'Redis does not answer' : `Redis is away: ${describeError(this.#trouble)}`
    const problem = `${why}. Nothing new is accepted until it is back; after ${remainingMs} ms more this node gives up its sessions`
    this.#options.logger?.log('warn', 'store-redis.unanswered', { node: this.#self.id, problem })
  }

  #answered(): void {
    const wasTold = this.#unanswered >= lateBeats
    this.#unanswered = 0
    if (wasTold) this.#options.logger?.log('info', 'store-redis.answered', { node: this.#self.id })
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
    for (const { incarnation, ends } of this.#watch.suspects(sentAt.monotonic)) args.push(incarnation, ends)
    const reply = await link.script('renewing the membership', beatScript, [names.nodes, names.members], args).catch((error: unknown) => {
      this.#isNews ||= isNews
      throw error
    })
    if (this.#phase.name !== 'up' || this.#phase.life !== life) throw isolated(this.#options.heartbeatMs)
    const [outcome, ...rest] = reply as readonly RedisReply[]
    if (outcome === 'gone') {
      this.isolate(notListed)
      this.#rejoin()
      throw isolated(this.#options.heartbeatMs)
    }
    life.fence.confirm(sentAt)
    this.#answered()
    life.written = record
    this.#see(readView([outcome as RedisReply, ...rest]), life.self, sentAt.monotonic)
    this.#checkFence()
    if (this.isUp) this.#tell()
  }

  #see(view: MemberView, self: NodeRef, askedAt: number): void {
    this.#view = view
    this.#viewedAt = askedAt
    this.#watch.see(view, self.incarnation, askedAt)
  }

  /** Makes the latest list the one that counts. */
  #tell(): void {
    this.#members = membersOf(this.#view)
    this.#compareTimes()
    this.#options.listener.onView(this.#members, this.#viewedAt)
  }

  /** Nodes with other times take each other for dead too early, or too late: told once for each. */
  #compareTimes(): void {
    const { ttlMs, logger } = this.#options
    for (const { record } of this.#view.nodes) {
      if (record === undefined || record.ttlMs === ttlMs) continue
      const name = `${record.id} ${record.ttlMs}`
      if (this.#toldTimes.has(name) || this.#toldTimes.size >= mostTold) continue
      this.#toldTimes.add(name)
      const problem = `Node "${record.id}" has ttlMs ${record.ttlMs}, this one ${ttlMs}. Give all nodes the same`
      logger?.log('warn', 'store-redis.times-differ', { problem, node: record.id })
    }
  }

  #connected(trouble: unknown): void {
    this.#trouble = trouble
    if (trouble !== undefined) return
    // After a restart of the server all nodes come back, one after the other.
    this.#watch.pauseUntil(this.#options.clock.monotonic() + Math.min(longestReturnMs, this.#options.ttlMs / 3))
    // A node that was taken for dead meanwhile hears it now, not with its next heartbeat.
    this.#beatOrRejoin()
  }

  #heardOfChange(from: string): void {
    if (from !== this.#self.incarnation && this.#nextBeat === undefined && this.isUp) void this.refresh().catch(() => undefined)
  }
}
