/** A cluster of nodes that meet in Redis. */
import {
  BeamClawError,
  type Cluster,
  type ClusterHost,
  type JsonValue,
  type Lease,
  type Location,
  type Logger,
  type Member,
  type MemberState,
  type NodeRef,
  type RequestOptions,
  SystemClock,
} from '@beamclaw/core'
import { checkOptions, definedOnly, describeError, integer, type OptionRule, oneOf, placementOf } from '@beamclaw/core/adapter'
import { nodeGone } from './cluster-failures.ts'
import { clusterNames } from './cluster-names.ts'
import { checkRedisClusterOptions, nodeIdOf, type RedisClusterOptions, redisClusterDefaults } from './cluster-options.ts'
import { redisFailure, stopped } from './failures.ts'
import { storeName } from './key-names.ts'
import { changeOf } from './member-view.ts'
import { Membership } from './membership.ts'
import { NodeMessages } from './node-messages.ts'
import { wayTo } from './options.ts'
import { Ownership } from './ownership.ts'
import { RedisLink } from './redis-link.ts'
import { StoreIdentity } from './store-identity.ts'

const highestEpoch = Number.MAX_SAFE_INTEGER - 1
const aLoad: OptionRule = (value) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? undefined : 'a number of at least 0'

/**
 * `Cluster` over one Redis primary, version 6.2 or later, which Sentinels or a Redis Cluster may name: the same as that of the `RedisStore`, with the same `prefix`. The constructor throws
 * `invalid-option` and `invalid-id`; the first call connects and checks the server.
 *
 * Phases: those of its membership, `new → joining → up ⇄ isolated → stopped`. A node that claims a key before it joined is alive in the cluster, and no member.
 * Owns its connection, unless the application handed over a client, and a connection for what it hears.
 *
 * - I1: a key is granted to a life of this node that the server lists, and whose last confirmed renewal is younger than two thirds of the time to live.
 * - I2: what this node hears is handed on while it is up, and of members alone.
 * - I3: every failure is a BeamClawError. Once replaced, every call rejects `store-replaced`; once stopped, `store-stopped`, and a request
 *   `node-gone`.
 *
 * @example
 * const redis = { url: 'redis://localhost:6379' }
 * const claw = new BeamClaw({ store: new RedisStore(redis), cluster: new RedisCluster(redis) })
 */
export class RedisCluster implements Cluster {
  readonly #link: RedisLink
  readonly #membership: Membership
  readonly #ownership: Ownership
  readonly #messages: NodeMessages
  readonly #prefix: string
  readonly #storeId: () => string | undefined
  readonly #weight: number
  readonly #logger: Logger | undefined
  #host: ClusterHost | undefined
  /** The members that the host was told of. */
  #told: readonly Member[] = []
  #replaced: BeamClawError | undefined
  #stopping: Promise<void> | undefined

  constructor(options: RedisClusterOptions) {
    checkRedisClusterOptions(options)
    const { heartbeatMs, ttlMs, weight } = { ...redisClusterDefaults, ...definedOnly(options) }
    const { logger, clock = new SystemClock(), deadlineMs = Math.min(5_000, Math.floor(ttlMs / 3)) } = options
    this.#weight = weight
    this.#logger = logger
    const { client, where, keyPrefix: prefix, kind } = wayTo(options, deadlineMs)
    this.#prefix = prefix
    const names = clusterNames(prefix)
    const onReplaced = (error: BeamClawError): void => this.#replace(error)
    const identity = new StoreIdentity({ prefix, kind, expectedId: options.storeId, logger: undefined, onReplaced })
    const timers = { setTimer: (callback: () => void, delayMs: number) => clock.setTimer(callback, delayMs, true) }
    const link = new RedisLink({ client, where, deadlineMs, clock: timers, check: (bare) => identity.check(bare) })
    this.#link = link
    const listener = {
      onMessage: (text: string) => this.#messages.hear(text),
      onView: (members: readonly Member[], askedAt: number) => this.#saw(members, askedAt),
      onIsolated: () => this.#isolated(),
      onReplaced,
      onRejoined: (self: NodeRef) => this.#tellHost((host) => host.onRejoined(self)),
    }
    const common = { link, names, clock, logger }
    this.#storeId = () => identity.id
    const id = nodeIdOf(options.nodeId)
    this.#membership = new Membership({ ...common, client, prefix, storeId: this.#storeId, id, heartbeatMs, ttlMs, listener })
    this.#ownership = new Ownership({ ...common, id, membership: this.#membership, ttlMs })
    this.#messages = new NodeMessages({
      ...common,
      membership: this.#membership,
      host: () => (this.#stopping === undefined ? this.#host : undefined),
      hasOtherServers: kind === 'cluster',
    })
  }

  get self(): NodeRef {
    return this.#membership.self
  }

  get members(): readonly Member[] {
    return this.#membership.members
  }

  async join(host: ClusterHost): Promise<void> {
    this.#checkOpen()
    if (this.#host !== undefined) throw new BeamClawError('invalid-option', 'RedisCluster: the node has joined already')
    this.#host = host
    try {
      if (host.storeId !== undefined) await this.#checkStore(host.storeId)
      await this.#membership.enter()
      await this.#membership.announce({ isMember: true, wire: host.wire, records: host.records }, true)
    } catch (error) {
      this.#host = undefined
      throw this.#failure(error, 'joining the cluster')
    }
  }

  async announce(change: { readonly state?: MemberState; readonly load?: number }): Promise<void> {
    this.#checkOpen()
    checkOptions<typeof change>('Cluster.announce', change, { state: oneOf('up', 'draining'), load: aLoad })
    const { state, load } = change
    const weighed = load === undefined ? undefined : load / this.#weight
    return await this.#run('telling the cluster of a change', async () => {
      await this.#membership.announce({ ...definedOnly({ state, load: weighed }) }, state !== undefined)
    })
  }

  async locate(key: string): Promise<Location> {
    return await this.#run('looking for the owner of a key', async () => {
      await this.#membership.enter()
      const place = await this.#ownership.locate(key)
      const { epoch } = place
      if (place.kind !== 'free') return { node: place.node, isOwner: place.kind === 'owned', epoch }
      const { members, self } = this.#membership
      // A cluster that drains as a whole still has its keys somewhere.
      const node =
        placementOf(key, members) ??
        placementOf(
          key,
          members.map((member) => ({ ...member, state: 'up' as const })),
        )
      return { node: node ?? self, isOwner: false, epoch }
    })
  }

  async acquire(key: string, aboveEpoch = 0): Promise<Lease> {
    checkOptions<{ readonly aboveEpoch: number }>('Cluster.acquire', { aboveEpoch }, { aboveEpoch: integer(0, highestEpoch) })
    return await this.#run('claiming a key', async () => {
      await this.#membership.enter()
      return await this.#ownership.claim(key, aboveEpoch)
    })
  }

  async release(lease: Lease, to?: NodeRef): Promise<void> {
    return await this.#run('releasing a key', () => this.#ownership.release(lease, to))
  }

  async request(node: NodeRef, body: JsonValue, { timeoutMs }: RequestOptions): Promise<JsonValue> {
    if (this.#stopping !== undefined) throw nodeGone(node, 'this node has stopped', { isUndelivered: true })
    return await this.#run('asking another node', async () => {
      if (this.#host === undefined) throw nodeGone(node, 'this node has not joined the cluster', { isUndelivered: true })
      return await this.#messages.request(node, body, timeoutMs)
    })
  }

  tell(node: NodeRef, body: JsonValue): void {
    if (this.#stopping === undefined && this.#host !== undefined) this.#messages.tell(node, body)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #stop(): Promise<void> {
    this.#link.leave()
    await this.#messages.stop()
    await this.#membership.stop()
    this.#ownership.forget()
    await this.#link.stop()
  }

  #saw(members: readonly Member[], askedAt: number): void {
    this.#messages.sawMembers(members, askedAt)
    void this.#ownership.keep().catch(() => undefined)
    const change = changeOf(this.#told, members)
    if (change === undefined || this.#host === undefined) return
    this.#told = members
    this.#tellHost((host) => host.onMembers(change))
  }

  #isolated(): void {
    this.#ownership.forget()
    this.#messages.abandon('this node was cut off from its cluster')
    this.#tellHost((host) => host.onIsolated())
  }

  #replace(error: BeamClawError): void {
    if (this.#replaced !== undefined) return
    this.#replaced = error
    this.#logger?.log('error', 'store-redis.replaced', { problem: error.message })
    this.#membership.isolate(error.message, true)
  }

  #tellHost(tell: (host: ClusterHost) => void): void {
    if (this.#stopping !== undefined || this.#host === undefined) return
    try {
      tell(this.#host)
    } catch (error) {
      this.#logger?.log('error', 'store-redis.host-failed', { problem: describeError(error) })
    }
  }

  /** Each node would find its own conversations alone. Rejects before the node is seen by the others. */
  async #checkStore(storeId: string): Promise<void> {
    await this.#link.read('connecting', ['EXISTS', storeName(this.#prefix)])
    if (storeId === this.#storeId()) return
    const problem = 'The store of this node is not the RedisStore in the same Redis and under the same "prefix"; give both the same options'
    throw new BeamClawError('invalid-option', `RedisCluster: ${problem}`, { details: { option: 'store' } })
  }

  #checkOpen(): void {
    if (this.#stopping !== undefined) throw stopped('the cluster is stopped')
    if (this.#replaced !== undefined) throw this.#replaced
  }

  async #run<T>(doing: string, work: () => Promise<T>): Promise<T> {
    this.#checkOpen()
    try {
      return await work()
    } catch (error) {
      throw this.#failure(error, doing)
    }
  }

  #failure(error: unknown, doing: string): BeamClawError {
    if (BeamClawError.isInstance(error, 'store-replaced')) this.#replace(error)
    return this.#replaced ?? redisFailure(error, doing)
  }
}
