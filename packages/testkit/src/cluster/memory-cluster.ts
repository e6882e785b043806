/** One node of a `MemoryNetwork`. */
import {
  BeamClawError,
  type Clock,
  type Cluster,
  type ClusterHost,
  type JsonValue,
  type Lease,
  type Location,
  type Member,
  type MemberState,
  type NodeId,
  type NodeRef,
  type RequestOptions,
} from '@beamclaw/core'
import { fromWireError } from '@beamclaw/core/adapter'
import { memberChange } from './member-change.ts'
import { decodeBody, encodeBody, replyTo } from './message-body.ts'
import type { Envelope } from './message-lines.ts'
import type { NetworkState } from './network-state.ts'
import type { JoinedPhase, NodeFreeze, NodePhase } from './node-phase.ts'
import { PendingRequests } from './pending-requests.ts'

/**
 * A `Cluster` in the memory of this process, with the ways in which a process ends: `kill`, `freeze`. Made by `MemoryNetwork.node`.
 *
 * Phases: `new → joined ⇄ isolated → stopped | killed`; each but the last two can be frozen. I1: its host hears nothing before `join`, after `stop` and after
 * `kill`. I2: after `onIsolated` the next life is another incarnation. I3: a killed node has no timer, and nothing that it sends arrives.
 *
 * @example
 * const claw = new BeamClaw({ providers, agents, store, cluster: network.node('a') })
 */
export class MemoryCluster implements Cluster {
  readonly #network: NetworkState
  readonly #clock: Clock
  readonly #requests: PendingRequests
  #self: NodeRef
  #phase: NodePhase = { name: 'new' }
  #freeze: NodeFreeze | undefined
  #members: readonly Member[] = []
  #told: { state: MemberState; load: number } = { state: 'up', load: 0 }
  #isEnlisted = false
  /** When the membership was confirmed last, on the monotonic clock. */
  #confirmedAt = 0
  #beat: { cancel(): void } | undefined

  /** Use `MemoryNetwork.node`. */
  constructor(network: NetworkState, id: NodeId, clock: Clock) {
    this.#network = network
    this.#clock = clock
    this.#requests = new PendingRequests(clock)
    this.#self = network.directory.newLife(id)
  }

  get self(): NodeRef {
    return this.#self
  }

  get members(): readonly Member[] {
    return this.#members
  }

  // ---- what the port promises

  async join(host: ClusterHost): Promise<void> {
    if (this.#phase.name !== 'new') throw new BeamClawError('invalid-option', `Node "${this.#self.id}" has joined before`)
    await this.#ask(() => {
      this.#phase = { name: 'joined', host, isIsolated: false }
      this.#enter(host)
    })
  }

  async announce({ state = this.#told.state, load = this.#told.load }: Parameters<Cluster['announce']>[0]): Promise<void> {
    this.#told = { state, load }
    await this.#ask(() => {
      if (this.#phase.name === 'joined') this.#tellMember(this.#phase.host)
    })
  }

  locate(key: string): Promise<Location> {
    return this.#ask(() => this.#network.locate(key) ?? { node: this.#self, isOwner: false, epoch: 0 })
  }

  acquire(key: string, aboveEpoch = 0): Promise<Lease> {
    return this.#ask(() => {
      const expiresAt = this.#clock.now() + this.#network.times.ttlMs
      const claim = this.#network.keys.claim({ key, node: this.#self, aboveEpoch, expiresAt })
      if ('lease' in claim) return claim.lease
      throw new BeamClawError('fenced', `Node "${claim.owner.id}" owns the key "${key}"`, { details: { owner: { ...claim.owner } } })
    })
  }

  async release(lease: Lease, to?: NodeRef): Promise<void> {
    if (this.#phase.name === 'stopped') return
    await this.#ask(() => this.#network.keys.release(lease, this.#self, to))
  }

  async request(node: NodeRef, body: JsonValue, { timeoutMs }: RequestOptions): Promise<JsonValue> {
    const text = encodeBody(body)
    await this.#network.turn()
    const isGone = !this.#network.isCut(this.#self, node) && !this.#network.directory.isOpen(node)
    if (this.#phase.name !== 'joined' || isGone) throw goneError(node, true)
    const { id, reply } = this.#requests.open(node, timeoutMs)
    this.#send({ kind: 'request', id, from: this.#self, to: node, text })
    return reply
  }

  tell(node: NodeRef, body: JsonValue): void {
    if (this.#phase.name !== 'joined') return
    try {
      this.#send({ kind: 'tell', id: 0, from: this.#self, to: node, text: encodeBody(body) })
    } catch {
      // A tell may be lost; one that is not JSON always is.
    }
  }

  async stop(): Promise<void> {
    if (this.#phase.name === 'stopped' || this.#phase.name === 'killed') return
    const isReachable = this.#freeze === undefined && !this.#network.isolated.has(this.#self.id)
    this.#end({ name: 'stopped' }, new BeamClawError('call-timeout', `Node "${this.#self.id}" stopped before the reply came`))
    if (isReachable) this.#network.directory.remove(this.#self)
  }

  // ---- how a process ends, or stands still

  /**
   * Ends the node as `kill -9` ends its process: nothing that it sends from now on arrives, and the others see it leave after one heartbeat or two. Whatever
   * of it still runs keeps its leases for the store to refuse, and gets no new ones (`node-isolated`). Idempotent.
   */
  kill(): void {
    if (this.#phase.name === 'stopped' || this.#phase.name === 'killed') return
    this.#end({ name: 'killed' }, goneError(this.#self))
  }

  /** Lets the node stand still, as SIGSTOP does: messages to and from it are kept until `thaw`, and it sends no heartbeat. Idempotent. */
  freeze(): void {
    this.#freeze ??= { sent: [], received: [], thawed: Promise.withResolvers() }
  }

  /** Lets a frozen node go on: it gets what was sent to it, then learns whether the others took it for dead. Idempotent. */
  thaw(): void {
    const freeze = this.#freeze
    if (freeze === undefined) return
    this.#freeze = undefined
    for (const envelope of freeze.sent) this.#send(envelope)
    for (const envelope of freeze.received) this.#receive(envelope)
    freeze.thawed.resolve()
    if (this.#phase.name === 'joined') this.#heartbeat(this.#phase)
  }

  #end(phase: NodePhase, error: BeamClawError): void {
    this.#phase = phase
    this.#beat?.cancel()
    this.#network.endpoints.delete(this.#self.incarnation)
    // A connection that is cut off closes without the others seeing it.
    if (!this.#network.isolated.has(this.#self.id)) this.#network.directory.close(this.#self)
    this.#requests.fail(error)
    this.#freeze?.thawed.resolve()
    this.#freeze = undefined
  }

  // ---- membership

  /** Makes the present life a member, and renews it from now on. */
  #enter(host: ClusterHost): void {
    const { directory, endpoints } = this.#network
    endpoints.set(this.#self.incarnation, { receive: (envelope) => this.#receive(envelope) })
    this.#tellMember(host)
    this.#members = directory.members()
  }

  #tellMember({ wire, records }: ClusterHost): void {
    this.#network.directory.setMember({ ...this.#self, ...this.#told, wire, records })
  }

  #scheduleBeat(): void {
    this.#beat?.cancel()
    this.#beat = this.#clock.setTimer(
      () => {
        this.#scheduleBeat()
        if (this.#freeze !== undefined) return
        if (this.#phase.name === 'joined') this.#heartbeat(this.#phase)
        else if (!this.#network.isolated.has(this.#self.id)) this.#network.directory.renew(this.#self)
      },
      this.#network.times.heartbeatMs,
      true,
    )
  }

  #heartbeat(phase: JoinedPhase): void {
    const { directory, isolated, times } = this.#network
    const now = this.#clock.monotonic()
    const isReachable = !isolated.has(this.#self.id)
    const isLate = now - this.#confirmedAt >= (times.ttlMs * 2) / 3
    if (!phase.isIsolated && (isLate || (isReachable && !directory.renew(this.#self)))) {
      phase.isIsolated = true
      phase.host.onIsolated()
    }
    // The host may have stopped the node.
    if (!isReachable || this.#phase !== phase) return
    if (phase.isIsolated && !this.#rejoin(phase)) return
    this.#confirmedAt = now
    this.#look(phase.host)
  }

  /** Returns false while another process has the node's id. */
  #rejoin(phase: JoinedPhase): boolean {
    const { directory, endpoints } = this.#network
    const next = directory.newLife(this.#self.id)
    directory.remove(this.#self)
    try {
      directory.enlist(next)
    } catch {
      return false
    }
    endpoints.delete(this.#self.incarnation)
    this.#self = next
    const known = this.#members
    this.#enter(phase.host)
    this.#members = known
    phase.isIsolated = false
    phase.host.onRejoined(next)
    return this.#phase === phase
  }

  /** Tells the host what has changed among the other members. */
  #look(host: ClusterHost): void {
    const before = this.#members
    this.#members = this.#network.directory.members()
    const { joined, left } = memberChange(before, this.#members, this.#self)
    for (const node of left) this.#requests.fail(goneError(node), node)
    if (joined.length > 0 || left.length > 0) host.onMembers({ joined, left })
  }

  // ---- calls to what is outside the node

  /** Makes a call to the membership service: it takes a turn there and one back, and waits while the node is frozen. */
  async #ask<T>(work: () => T): Promise<T> {
    const caller = this.#self
    await this.#network.turn()
    await this.#freeze?.thawed.promise
    this.#checkReach(caller)
    this.#enlist()
    const result = work()
    await this.#network.turn()
    await this.#freeze?.thawed.promise
    // Neither a process that has died meanwhile learns of it, nor the next life of one that was taken for dead.
    if (this.#phase.name === 'killed' || this.#self !== caller) throw this.#isolatedError()
    return result
  }

  #checkReach(caller: NodeRef): void {
    const isCutOff = this.#network.isolated.has(caller.id) || this.#self !== caller
    const isOver = this.#phase.name === 'killed' || this.#phase.name === 'stopped'
    if (isCutOff || isOver || (this.#phase.name === 'joined' && this.#phase.isIsolated)) throw this.#isolatedError()
  }

  /** Takes this life in when it asks for the first time. A life that the others took for dead stays dead. */
  #enlist(): void {
    const { directory } = this.#network
    if (this.#isEnlisted) {
      if (!directory.isLive(this.#self)) throw this.#isolatedError()
      return
    }
    directory.enlist(this.#self)
    this.#isEnlisted = true
    this.#confirmedAt = this.#clock.monotonic()
    this.#scheduleBeat()
  }

  #isolatedError(): BeamClawError {
    return new BeamClawError('node-isolated', `Node "${this.#self.id}" is no member of its network any more`)
  }

  // ---- messages

  #send(envelope: Envelope): void {
    if (this.#freeze !== undefined) this.#freeze.sent.push(envelope)
    else if (this.#phase.name === 'joined') this.#network.lines.send(envelope)
  }

  #receive(envelope: Envelope): void {
    const { kind, id, from, text } = envelope
    if (this.#freeze !== undefined) return void this.#freeze.received.push(envelope)
    if (this.#phase.name !== 'joined') return
    const body = decodeBody(text)
    if (kind === 'tell') return this.#phase.host.onTell(body, from)
    if (kind === 'reply') return this.#requests.settle(id, envelope.isFailure === true ? fromWireError(body) : body)
    void this.#reply(envelope, this.#phase.host, body)
  }

  async #reply(request: Envelope, host: ClusterHost, body: JsonValue): Promise<void> {
    this.#send(await replyTo(request, () => host.onRequest(body, request.from)))
  }
}

function goneError({ id }: NodeRef, isUndelivered = false): BeamClawError {
  return new BeamClawError('node-gone', `There is no live node "${id}" that can be reached`, {
    details: isUndelivered ? { isUndelivered } : {},
  })
}
