/** The event bus of a node in a cluster: events of a session reach its subscribers on every node. */
import type { Clock, EventBus, SubscribeOptions, Subscription, TimerHandle, Topic } from '@beamclaw/actor'
import { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import type { JsonValue } from '../base/messages.ts'
import type { Cluster, MemberChange, NodeRef } from '../ports/cluster.ts'
import {
  type EventsTell,
  type ListenReply,
  maxIds,
  type RenewReply,
  readEventsRequest,
  readEventsTell,
  readRenewReply,
} from './event-messages.ts'
import { FollowedSubscription } from './followed-subscription.ts'
import { FollowedTopic } from './followed-topic.ts'
import type { Follower } from './follower.ts'
import { RemoteListeners } from './remote-listeners.ts'

/** Options of `NodeEvents`. */
export interface NodeEventsOptions {
  /** Delivers events within this node, and to no other one. */
  readonly events: EventBus<RunEvent>
  readonly cluster: Cluster
  readonly clock: Clock
  /** Returns the key under which the cluster grants the session of a topic; undefined for a topic that stays within the node. */
  readonly leaseOf: (topic: Topic) => string | undefined
  /** Returns the topics of the session that is granted under this key. */
  readonly topicsOf: (lease: string) => readonly Topic[]
  /**
   * Returns whether the session that is granted under this key runs on this node, so that the cluster is not asked for its place; false once it has begun to
   * leave. @default the cluster is asked
   */
  readonly isHere?: (lease: string) => boolean
  /** Topics of this node to which others may listen. @default 100000 */
  readonly maxListenedTopics?: number
}

/** Topics without subscribers that are followed nevertheless. */
const mostUnused = 10_000

/** Milliseconds between two looks at the places of followed topics. An owner forgets a listener after three of them. */
const renewEveryMs = 5_000

/**
 * An `EventBus` over that of the node and the cluster. Events are published on the node that owns the session. A node with subscribers of a session that
 * another node owns asks that node for them, and follows the session when it moves; what is lost on the way is told by `onGap`.
 *
 * Phases: `open → stopped`. Owns a `FollowedTopic` for each topic of a session that has subscribers here, and the topics that other nodes listen to.
 * I1: An event from another node is given to subscribers of this node alone, and never sent on: no event goes in a circle.
 * I2: Without another member there is no message and no timer, nor while nothing is followed and no node listens.
 * I3: A topic without subscribers is followed for two more looks at most, for callers that send one message after the other.
 */
export class NodeEvents implements EventBus<RunEvent> {
  readonly #events: EventBus<RunEvent>
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #leaseOf: NodeEventsOptions['leaseOf']
  readonly #topicsOf: NodeEventsOptions['topicsOf']
  readonly #listeners: RemoteListeners
  readonly #follower: Follower
  readonly #followed = new Map<Topic, FollowedTopic>()
  /** The topics without subscribers, and whether a look has found each of them so. */
  readonly #unused = new Map<Topic, boolean>()
  readonly #subscriptions = new Set<FollowedSubscription<RunEvent>>()
  readonly #byId = new Map<number, FollowedTopic>()
  #lastId = 0
  #timer: TimerHandle | undefined
  #isStopped = false
  /** The life of this node in which the places were found. */
  #life: string

  constructor({ events, cluster, clock, leaseOf, topicsOf, isHere = () => false, maxListenedTopics = 100_000 }: NodeEventsOptions) {
    this.#events = events
    this.#cluster = cluster
    this.#life = cluster.self.incarnation
    this.#clock = clock
    this.#leaseOf = leaseOf
    this.#topicsOf = topicsOf
    this.#listeners = new RemoteListeners(cluster, clock, maxListenedTopics)
    this.#follower = this.#makeFollower(isHere)
  }

  /** The topics that subscribers of this node follow, the ids under which it listens to others, and the topics that others listen to here. */
  get sizes(): { readonly followed: number; readonly listening: number; readonly listened: number } {
    return { followed: this.#followed.size, listening: this.#byId.size, listened: this.#listeners.size }
  }

  publish(topic: Topic, event: RunEvent): void {
    this.#events.publish(topic, event)
    if (this.#listeners.size > 0) this.#listeners.publish(topic, event)
  }

  subscribe(topic: Topic, options: SubscribeOptions = {}): Subscription<RunEvent> {
    const inner = this.#events.subscribe(topic, options)
    const lease = this.#leaseOf(topic)
    if (lease === undefined || this.#isStopped || options.signal?.aborted === true) return inner
    const followed = this.#follow(topic, lease)
    const remove = followed.add(options.onGap)
    this.#unused.delete(topic)
    const subscription = new FollowedSubscription(inner, followed.ready, options.signal, () => {
      this.#subscriptions.delete(subscription)
      remove()
      if (followed.isUnused) this.#leaveAlone(topic, followed)
    })
    this.#subscriptions.add(subscription)
    return subscription
  }

  /** Returns the reply to a request of another node whose type begins with `events.`. Rejects with `unknown-message` and `overloaded`. */
  async onRequest(body: JsonValue, from: NodeRef): Promise<JsonValue> {
    const request = readEventsRequest(body)
    const isListen = request?.type === 'events.listen'
    if (request === undefined || (isListen && this.#leaseOf(request.topic) === undefined))
      throw new BeamClawError('unknown-message', 'This node cannot read a request for events; it may be of another version')
    if (this.#isStopped) throw new BeamClawError('draining', 'This node has stopped; ask the one that has the session now')
    if (isListen) return { head: this.#listeners.listen(from, request.id, request.topic) } satisfies ListenReply
    return { heads: this.#listeners.renew(from, request.ids) } satisfies RenewReply
  }

  /** Takes a message of another node whose type begins with `events.`. Ignores what it cannot read. */
  onTell(body: JsonValue, from: NodeRef): void {
    const message = this.#isStopped ? undefined : readEventsTell(body)
    if (message?.type === 'events.batch') this.#take(message, from)
    else if (message?.type === 'events.leave') this.#listeners.leave(from, message.ids)
    else if (message !== undefined) {
      const to = this.#cluster.members.find(({ incarnation }) => incarnation === message.to?.incarnation)
      for (const id of message.ids) this.#listeningAt(id, from)?.lost(id, to)
    }
  }

  /** Takes what the cluster says of its members. */
  onMembers({ left }: MemberChange): void {
    if (this.#isStopped) return
    this.#checkLife()
    for (const node of left) this.#listeners.removeNode(node)
    const gone = new Set(left.map(({ incarnation }) => incarnation))
    for (const topic of this.#followed.values()) {
      const { listening } = topic
      if (listening !== undefined && gone.has(listening.node.incarnation)) topic.lost(listening.id)
      else topic.look()
    }
    this.#keepTime()
  }

  /** Called when the session that is granted under this key has started on this node. Those that listen here from before may have missed what it has done elsewhere. */
  sessionStarted(lease: string): void {
    for (const topic of this.#topicsOf(lease)) {
      this.#followed.get(topic)?.startedHere()
      this.#listeners.tellGap(topic)
    }
  }

  /** Called when the session that is granted under this key has replied from another node: it is there, and may not be where this node listens. */
  sessionAnswered(lease: string, at: NodeRef): void {
    for (const topic of this.#topicsOf(lease)) this.#followed.get(topic)?.answeredAt(at)
  }

  /** Called when the session that is granted under this key has left this node, and has published its last event here. */
  sessionMoved(lease: string, to?: NodeRef): void {
    const topics = this.#topicsOf(lease)
    this.#listeners.moved(topics, to)
    for (const topic of topics) this.#followed.get(topic)?.leftHere(to)
  }

  /** Ends every subscription, and tells the nodes that this one listens to. Rejects as the bus of the node does. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const subscription of [...this.#subscriptions]) subscription.end()
    for (const [topic, followed] of [...this.#followed]) this.#unfollow(topic, followed)
    this.#listeners.stop()
    await this.#events.stop()
  }

  #makeFollower(isHere: (lease: string) => boolean): Follower {
    const [cluster, clock] = [this.#cluster, this.#clock]
    return {
      cluster,
      clock,
      get isAlone() {
        return cluster.members.length <= 1
      },
      isHere,
      isSelf: ({ incarnation }) => incarnation === cluster.self.incarnation,
      listen: (topic) => {
        this.#byId.set(++this.#lastId, topic)
        return this.#lastId
      },
      leave: (node, id) => {
        this.#byId.delete(id)
        cluster.tell(node, { type: 'events.leave', ids: [id] })
      },
      deliver: (topic, event) => this.#events.publish(topic, event),
    }
  }

  #follow(topic: Topic, lease: string): FollowedTopic {
    const known = this.#followed.get(topic)
    if (known !== undefined) return known
    const followed = new FollowedTopic(topic, lease, this.#follower)
    this.#followed.set(topic, followed)
    followed.look()
    this.#keepTime()
    return followed
  }

  #leaveAlone(topic: Topic, followed: FollowedTopic): void {
    if (followed.listening === undefined || this.#isStopped || this.#unused.size >= mostUnused) this.#unfollow(topic, followed)
    else this.#unused.set(topic, false)
  }

  #unfollow(topic: Topic, followed: FollowedTopic): void {
    this.#unused.delete(topic)
    this.#followed.delete(topic)
    followed.end()
    this.#keepTime()
  }

  /** Returns the topic that listens to this node under this id. */
  #listeningAt(id: number, { incarnation }: NodeRef): FollowedTopic | undefined {
    const topic = this.#byId.get(id)
    return topic?.isAt(incarnation) === true ? topic : undefined
  }

  #take({ events }: EventsTell, from: NodeRef): void {
    for (const [id, n, event] of events) this.#listeningAt(id, from)?.arrived(id, n, event)
  }

  /** Has a timer exactly while there are places to look at. */
  #keepTime(): void {
    if (this.#followed.size > 0 && !this.#follower.isAlone) this.#timer ??= this.#clock.setTimer(() => this.#renew(), renewEveryMs, true)
    else {
      this.#timer?.cancel()
      this.#timer = undefined
    }
  }

  /** Other nodes may have had any session while this one was cut off. */
  #checkLife(): void {
    const { incarnation } = this.#cluster.self
    if (incarnation === this.#life) return
    this.#life = incarnation
    for (const topic of this.#followed.values()) topic.wasCutOff()
  }

  #endUnused(): void {
    for (const [topic, isFound] of this.#unused) {
      const followed = this.#followed.get(topic)
      if (isFound && followed !== undefined) this.#unfollow(topic, followed)
      else this.#unused.set(topic, true)
    }
  }

  #renew(): void {
    this.#timer = undefined
    this.#checkLife()
    const owners = new Map<string, { readonly node: NodeRef; readonly ids: number[] }>()
    this.#endUnused()
    for (const topic of this.#followed.values()) {
      const { listening } = topic
      topic.look()
      if (listening === undefined) continue
      const { node, id } = listening
      const owner = owners.get(node.incarnation)
      if (owner === undefined) owners.set(node.incarnation, { node, ids: [id] })
      else owner.ids.push(id)
    }
    for (const { node, ids } of owners.values()) {
      for (let from = 0; from < ids.length; from += maxIds) void this.#renewAt(node, ids.slice(from, from + maxIds))
    }
    this.#keepTime()
  }

  async #renewAt(node: NodeRef, ids: readonly number[]): Promise<void> {
    try {
      const reply = await this.#cluster.request(node, { type: 'events.renew', ids }, { timeoutMs: renewEveryMs })
      const heads = readRenewReply(reply, ids.length)
      for (const [index, id] of ids.entries()) {
        const head = heads?.[index]
        if (head === null) this.#byId.get(id)?.lost(id)
        else if (head !== undefined) this.#byId.get(id)?.renewed(id, head)
      }
    } catch (error) {
      // After any other failure nothing is known, and the next renewal tells.
      if (BeamClawError.isInstance(error, 'node-gone')) for (const id of ids) this.#byId.get(id)?.lost(id)
    }
  }
}
