/** The topics of this node that other nodes listen to. */
import type { Clock, TimerHandle } from '@beamclaw/actor'
import { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import type { Cluster, NodeRef } from '../ports/cluster.ts'
import type { NumberedEvent } from './event-messages.ts'
import { EventOutbox, missedEvents, type PortableEvent, portable } from './event-outbox.ts'

/** Milliseconds after which a node that has not renewed is forgotten. */
const forgetAfterMs = 15_000

const sweepEveryMs = 5_000

/** What one node listens to. The events are numbered from 1. */
interface Listening {
  readonly listener: Listener
  readonly id: number
  readonly topic: string
  sent: number
  renewedAt: number
}

/** A node that listens. */
interface Listener {
  readonly node: NodeRef
  readonly outbox: EventOutbox
  readonly byId: Map<number, Listening>
}

/**
 * Sends each event to the nodes that listen to its topic. Owns an entry for each node and topic, and one timer while there are entries.
 * I1: A node has at most one entry for a topic, under the highest id that it has sent.
 * I2: An entry that was not renewed for 15 s is forgotten at the next look, 5 s later at most; one whose node has left the cluster, at once.
 */
export class RemoteListeners {
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #maxTopics: number
  readonly #byTopic = new Map<string, Map<string, Listening>>()
  readonly #listeners = new Map<string, Listener>()
  #timer: TimerHandle | undefined

  constructor(cluster: Cluster, clock: Clock, maxTopics: number) {
    this.#cluster = cluster
    this.#clock = clock
    this.#maxTopics = maxTopics
  }

  /** The number of topics that other nodes listen to. */
  get size(): number {
    return this.#byTopic.size
  }

  /** Returns the number of events that were sent for this id: 0 for a new one. Throws `overloaded`. */
  listen(node: NodeRef, id: number, topic: string): number {
    const listenings = this.#byTopic.get(topic)
    const before = listenings?.get(node.incarnation)
    // A request that was overtaken by a later one of the same node changes nothing.
    if (before !== undefined && before.id >= id) return this.#renewed(before)
    if (listenings === undefined && this.#byTopic.size >= this.#maxTopics)
      throw new BeamClawError('overloaded', `Other nodes listen to ${this.#maxTopics} topics of this node already; try again later`)
    if (before !== undefined) this.#forget(before)
    // An id is of one topic.
    const other = this.#listeners.get(node.incarnation)?.byId.get(id)
    if (other !== undefined) this.#forget(other)
    const listener = this.#listenerFor(node)
    const listening: Listening = { listener, id, topic, sent: 0, renewedAt: this.#clock.monotonic() }
    listener.byId.set(id, listening)
    const topics = this.#byTopic.get(topic)
    if (topics === undefined) this.#byTopic.set(topic, new Map([[node.incarnation, listening]]))
    else topics.set(node.incarnation, listening)
    this.#timer ??= this.#arm()
    return 0
  }

  /** Returns for each id the number of events that were sent; null for an unknown one. */
  renew(node: NodeRef, ids: readonly number[]): (number | null)[] {
    const listener = this.#listeners.get(node.incarnation)
    return ids.map((id) => {
      const listening = listener?.byId.get(id)
      return listening === undefined ? null : this.#renewed(listening)
    })
  }

  leave(node: NodeRef, ids: readonly number[]): void {
    for (const id of ids) {
      const listening = this.#listeners.get(node.incarnation)?.byId.get(id)
      if (listening !== undefined) this.#forget(listening)
    }
  }

  /** Sends an event to the nodes that listen to its topic. */
  publish(topic: string, event: RunEvent): void {
    const listenings = this.#byTopic.get(topic)
    if (listenings === undefined) return
    let sent: PortableEvent | undefined
    for (const listening of listenings.values()) {
      const { id, listener } = listening
      if (listener.outbox.extend(id, event)) continue
      sent ??= portable(event)
      listener.outbox.add(id, ++listening.sent, sent)
    }
  }

  /** Tells the listeners of a topic that they may have missed events. */
  tellGap(topic: string): void {
    for (const listening of this.#byTopic.get(topic)?.values() ?? [])
      listening.listener.outbox.add(listening.id, ++listening.sent, missedEvents)
  }

  /** Tells the listeners of topics that their session has left this node, and forgets them. */
  moved(topics: readonly string[], to: NodeRef | undefined): void {
    const ids = new Map<Listener, number[]>()
    for (const topic of topics) {
      for (const listening of this.#byTopic.get(topic)?.values() ?? []) {
        const { listener, id } = listening
        ids.set(listener, [...(ids.get(listener) ?? []), id])
        // It must not arrive after the message that the session is elsewhere.
        listener.outbox.flush()
        this.#forget(listening)
      }
    }
    for (const [{ node }, moved] of ids) {
      const place: JsonObject = to === undefined ? {} : { to: { id: to.id, incarnation: to.incarnation } }
      this.#cluster.tell(node, { type: 'events.moved', ids: moved, ...place })
    }
  }

  /** Forgets a node that has left the cluster. */
  removeNode({ incarnation }: NodeRef): void {
    const listener = this.#listeners.get(incarnation)
    listener?.outbox.clear()
    for (const listening of [...(listener?.byId.values() ?? [])]) this.#forget(listening)
  }

  stop(): void {
    for (const { node } of [...this.#listeners.values()]) this.removeNode(node)
  }

  #renewed(listening: Listening): number {
    listening.renewedAt = this.#clock.monotonic()
    // What the number counts is on its way before it.
    listening.listener.outbox.flush()
    return listening.sent
  }

  #listenerFor(node: NodeRef): Listener {
    const known = this.#listeners.get(node.incarnation)
    if (known !== undefined) return known
    const tell = (events: readonly NumberedEvent[]): void => {
      this.#cluster.tell(node, { type: 'events.batch', events } as unknown as JsonValue)
    }
    const listener = { node, outbox: new EventOutbox(this.#clock, tell), byId: new Map() }
    this.#listeners.set(node.incarnation, listener)
    return listener
  }

  #forget({ listener, id, topic }: Listening): void {
    const { incarnation } = listener.node
    listener.byId.delete(id)
    if (listener.byId.size === 0) this.#listeners.delete(incarnation)
    const listenings = this.#byTopic.get(topic)
    listenings?.delete(incarnation)
    if (listenings?.size === 0) this.#byTopic.delete(topic)
    if (this.#byTopic.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): TimerHandle {
    return this.#clock.setTimer(() => this.#sweep(), sweepEveryMs, true)
  }

  #sweep(): void {
    const oldest = this.#clock.monotonic() - forgetAfterMs
    this.#timer = this.#arm()
    for (const { byId } of [...this.#listeners.values()])
      for (const listening of [...byId.values()]) if (listening.renewedAt <= oldest) this.#forget(listening)
  }
}
