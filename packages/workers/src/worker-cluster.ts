/** A cluster of the worker processes of one parent. */
import {
  BeamClawError,
  type Clock,
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
import { checkOptions, describeError, encodeJson, integer, type OptionRule, oneOf, toWireError } from '@beamclaw/core/adapter'
import { inheritedPlace } from './inherited-place.ts'
import { ipcLine, type Line } from './line.ts'
import { memberChange } from './member-change.ts'
import type { InMail, Operation, OutMail, Scope, ToWorker, View } from './messages.ts'
import { goneError, PendingCalls } from './pending-calls.ts'
import type { ShardHandler, ShardNetwork, YieldHandler } from './shard-network.ts'
import { shardOfLease } from './shards.ts'

/** Options of `WorkerCluster.child`. */
export interface WorkerClusterOptions {
  readonly logger?: Logger
  /** Times requests. @default new SystemClock() */
  readonly clock?: Pick<Clock, 'setTimer'>
}

/** The line to the parent, and which worker this one is. */
export interface WorkerPlace extends WorkerClusterOptions {
  readonly line: Line
  readonly self: NodeRef
}

const aLoad: OptionRule = (value) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? undefined : 'a number of at least 0'

/**
 * `Cluster` of the workers of one parent process, over the IPC channel of each. Sessions belong to the worker that has their shard; other keys to the worker
 * that claims them first.
 *
 * Phases: `new → joining → joined → stopped`, and `orphaned` from any, once the parent has gone.
 * I1: the host hears of messages and members while the node is joined. I2: the shards are reached in every phase but `orphaned`: other workers need what is in
 * them while this one drains.
 *
 * @example
 * const cluster = WorkerCluster.child()
 * const claw = new BeamClaw({ providers, agents, cluster, store: new ShardedStore({ network: cluster.shards, openShard }) })
 */
export class WorkerCluster implements Cluster {
  readonly self: NodeRef
  /** A session belongs to the worker that has its shard. */
  readonly hasFixedPlaces = true
  /** The way to the shards of the other workers. */
  readonly shards: ShardNetwork
  /** Resolves when the parent has ended: this process is to end, too. */
  readonly orphaned: Promise<void>
  readonly #line: Line
  readonly #logger: Logger | undefined
  readonly #calls: PendingCalls
  readonly #listeners: ((gone: readonly string[]) => void)[] = []
  #phase: 'new' | 'joining' | 'joined' | 'stopped' | 'orphaned' = 'new'
  #host: ClusterHost | undefined
  #serve: ShardHandler | undefined
  #giveAway: YieldHandler | undefined
  #view: View = { t: 'view', members: [], shards: [], mixed: [], gone: [] }

  constructor({ line, self, logger, clock = new SystemClock() }: WorkerPlace) {
    this.self = self
    this.#line = line
    this.#logger = logger
    this.#calls = new PendingCalls(clock)
    const orphaned = Promise.withResolvers<void>()
    this.orphaned = orphaned.promise
    const isOpen = (): boolean => this.#phase !== 'orphaned'
    this.shards = {
      self,
      get isOpen() {
        return isOpen()
      },
      ownerOf: (shard) => this.#view.shards[shard] ?? undefined,
      ask: (node, body, timeoutMs) => this.#ask('store', node, body, timeoutMs),
      serve: (handler) => {
        this.#serve = handler
      },
      onYield: (handler) => {
        this.#giveAway = handler
      },
      onChange: (listener) => void this.#listeners.push(listener),
    }
    line.listen(
      (message) => this.#hear(message as ToWorker),
      () => {
        this.#orphan()
        orphaned.resolve()
      },
    )
  }

  /** True in a process that a `WorkerParent` has started. */
  static get isChild(): boolean {
    return inheritedPlace() !== undefined
  }

  /** The id of this worker; undefined in a process that no `WorkerParent` has started. */
  static get childId(): NodeRef['id'] | undefined {
    return inheritedPlace()?.id
  }

  /** Returns the cluster of this worker. Once for a process. Throws `invalid-option` in a process that no `WorkerParent` has started. */
  static child(options: WorkerClusterOptions = {}): WorkerCluster {
    const self = inheritedPlace()
    if (self === undefined || process.send === undefined) {
      throw new BeamClawError('invalid-option', 'WorkerCluster: this process was not started by a WorkerParent; start the parent instead')
    }
    // `process` has the methods of a child, under the same names.
    return new WorkerCluster({ ...options, self, line: ipcLine(process as unknown as Parameters<typeof ipcLine>[0]) })
  }

  get members(): readonly Member[] {
    return this.#view.members
  }

  async join(host: ClusterHost): Promise<void> {
    if (this.#phase === 'joining' || this.#phase === 'joined')
      throw new BeamClawError('invalid-option', `Worker "${this.self.id}" has joined before`)
    this.#checkOpen()
    this.#phase = 'joining'
    await this.#do({ op: 'join', wire: [...host.wire], records: [...host.records] }, () => {
      if (this.#phase !== 'joining') return
      this.#host = host
      this.#phase = 'joined'
    })
  }

  async announce(change: { readonly state?: MemberState; readonly load?: number }): Promise<void> {
    checkOptions<typeof change>('Cluster.announce', change, { state: oneOf('up', 'draining'), load: aLoad })
    const { state, load } = change
    await this.#do({ op: 'announce', ...(state === undefined ? {} : { state }), ...(load === undefined ? {} : { load }) }, () => {})
  }

  async locate(key: string): Promise<Location> {
    this.#checkOpen()
    const shard = shardOfLease(key)
    const owner = shard === undefined || this.#view.mixed.includes(shard) ? undefined : this.shards.ownerOf(shard)
    if (owner !== undefined) return { node: owner, isOwner: true }
    return await this.#do({ op: 'locate', key }, (found) => found as unknown as Location)
  }

  async acquire(key: string, aboveEpoch = 0): Promise<Lease> {
    checkOptions<{ readonly aboveEpoch: number }>(
      'Cluster.acquire',
      { aboveEpoch },
      { aboveEpoch: integer(0, Number.MAX_SAFE_INTEGER - 1) },
    )
    return await this.#do({ op: 'acquire', key, above: aboveEpoch }, (granted) => {
      const token = granted as unknown as Lease['token']
      return { key, owner: this.self.id, token, expiresAt: Number.POSITIVE_INFINITY }
    })
  }

  async release({ key, token }: Lease, to?: NodeRef): Promise<void> {
    if (this.#phase === 'stopped') return
    const heir = to === undefined ? {} : { to: { id: to.id, incarnation: to.incarnation } }
    await this.#do({ op: 'release', key, nonce: token.nonce, ...heir }, () => {})
  }

  async request(node: NodeRef, body: JsonValue, { timeoutMs }: RequestOptions): Promise<JsonValue> {
    if (this.#phase !== 'joined') throw goneError(node, true)
    return await this.#ask('host', node, body, timeoutMs)
  }

  tell(node: NodeRef, body: JsonValue): void {
    if (this.#phase !== 'joined') return
    try {
      this.#mail({ kind: 'tell', scope: 'host', id: 0, to: node.incarnation, text: textOf(body) })
    } catch {
      // A tell may be lost; one that is not JSON always is.
    }
  }

  async stop(): Promise<void> {
    if (this.#phase === 'stopped' || this.#phase === 'orphaned') return
    const left = this.#do({ op: 'leave' }, () => {})
    this.#phase = 'stopped'
    this.#host = undefined
    await left.catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  // ---- what arrives

  #hear(message: ToWorker): void {
    switch (message?.t) {
      case 'ping':
        return this.#line.send({ t: 'pong' })
      case 'view':
        return this.#see(message)
      case 'yield':
        return void this.#yield(message.shard)
      case 'done':
        return this.#calls.done(message.id, message.result)
      case 'failed':
        return this.#calls.failed(message.id, message.error)
      case 'lost':
        return this.#calls.lost(message.id)
      case 'mail':
        return this.#receive(message)
    }
  }

  #see(view: View): void {
    const before = this.#view
    this.#view = view
    if (view.gone.length > 0) this.#calls.gone(new Set(view.gone))
    for (const listener of this.#listeners) this.#guarded(() => listener(view.gone))
    const { joined, left } = memberChange(before.members, view.members, this.self)
    if (joined.length > 0 || left.length > 0) this.#tellHost((host) => host.onMembers({ joined, left }))
  }

  /** Gives a shard away. When the parent is not heard of any more, the process is about to end. */
  async #yield(shard: number): Promise<void> {
    const ended = await this.#giveAway?.(shard)
    if (ended === undefined || this.#phase === 'orphaned') return
    const { id, result } = this.#calls.ofParent(ended)
    this.#line.send({ t: 'op', id, what: { op: 'yielded', shard } })
    await result.catch(() => {})
  }

  #receive({ kind, scope, id, from, text }: InMail): void {
    let body: JsonValue
    try {
      body = JSON.parse(text) as JsonValue
    } catch {
      return
    }
    if (kind === 'answer') return this.#calls.replied(from, id, { value: body })
    if (kind === 'error') return this.#calls.replied(from, id, { error: body })
    if (kind === 'tell') return this.#tellHost((host) => host.onTell(body, from))
    void this.#reply(from, { scope, id }, body)
  }

  async #reply(from: NodeRef, { scope, id }: Pick<InMail, 'scope' | 'id'>, body: JsonValue): Promise<void> {
    const to = from.incarnation
    try {
      this.#mail({ kind: 'answer', scope, id, to, text: textOf(await this.#handle(scope, body, from)) })
    } catch (error) {
      this.#mail({ kind: 'error', scope, id, to, text: textOf(toWireError(error)) })
    }
  }

  async #handle(scope: Scope, body: JsonValue, from: NodeRef): Promise<JsonValue> {
    if (scope === 'store' && this.#serve !== undefined) return await this.#serve(body, from)
    if (scope === 'host' && this.#host !== undefined) return await this.#host.onRequest(body, from)
    throw goneError(this.self, true)
  }

  #orphan(): void {
    if (this.#phase === 'orphaned') return
    this.#phase = 'orphaned'
    this.#host = undefined
    for (const listener of this.#listeners) this.#guarded(() => listener([]))
    this.#calls.failAll((node) => (node === undefined ? this.#isolated() : goneError(node, false)))
  }

  // ---- what is sent

  async #ask(scope: Scope, node: NodeRef, body: JsonValue, timeoutMs: number): Promise<JsonValue> {
    const text = textOf(body)
    if (this.#phase === 'orphaned') throw goneError(node, true)
    const { id, result } = this.#calls.ofWorker(node, timeoutMs)
    this.#mail({ kind: 'ask', scope, id, to: node.incarnation, text })
    return await result
  }

  async #do<T>(what: Operation, onResult: (result: JsonValue) => T): Promise<T> {
    this.#checkOpen()
    const { id, result } = this.#calls.ofParent(onResult)
    this.#line.send({ t: 'op', id, what })
    return await result
  }

  #mail(mail: Omit<OutMail, 't'>): void {
    this.#line.send({ t: 'mail', ...mail })
  }

  #checkOpen(): void {
    if (this.#phase === 'stopped') throw new BeamClawError('store-stopped', `Worker "${this.self.id}" has left its cluster`)
    if (this.#phase === 'orphaned') throw this.#isolated()
  }

  #isolated(): BeamClawError {
    return new BeamClawError('node-isolated', `The parent of worker "${this.self.id}" has ended`)
  }

  #tellHost(tell: (host: ClusterHost) => void): void {
    const host = this.#host
    if (host !== undefined) this.#guarded(() => tell(host))
  }

  #guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#logger?.log('error', 'workers.host-failed', { problem: describeError(error) })
    }
  }
}

/** Returns the text of a body. Throws `invalid-message` for what is not JSON. */
function textOf(body: JsonValue): string {
  return encodeJson(body, Number.MAX_SAFE_INTEGER)
}
