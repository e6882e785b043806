/** Nodes in one process for tests: what one says to another takes turns, and may get lost, late, doubled or out of order. */
import { LocalEventBus } from '@beamclaw/actor'
import type { ManualClock } from '@beamclaw/actor/testing'
import { BeamClawError } from '../../base/errors.ts'
import type { RunEvent } from '../../base/events.ts'
import { parseNodeId } from '../../base/ids.ts'
import type { JsonValue } from '../../base/messages.ts'
import type { Cluster, Location, Member, NodeRef } from '../../ports/cluster.ts'
import { leaseOfTopic, topicsOfLease } from '../../session/session-names.ts'
import { NodeEvents } from '../node-events.ts'

/** Returns what happens to a message on its way. */
export type Way = (message: {
  readonly kind: 'tell' | 'request' | 'reply'
  readonly body: JsonValue
}) => 'arrives' | 'lost' | 'late' | 'doubled'

/** A node, and how many messages it has sent. */
export interface TestNode {
  readonly self: NodeRef
  readonly events: NodeEvents
  readonly cluster: Cluster
  sent: number
  /** Keys of the sessions that run here, as far as the node says so. */
  readonly running: Set<string>
  /** How often it has asked the cluster for a place. */
  looks: number
}

export class NodeNet {
  readonly nodes: TestNode[] = []
  /** The owner of each key; a key without one is placed at the first node. */
  readonly owners = new Map<string, NodeRef>()
  /** The epochs of the last grants. The cluster tells none of a key without one. */
  readonly epochs = new Map<string, number>()
  way: Way = () => 'arrives'
  /** True while no node can ask where a session is. */
  isBlind = false
  readonly #clock: ManualClock
  #late: (() => void)[] = []
  #lives = 0

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  /** Adds a node, and tells the others. */
  join(name: string, maxListenedTopics?: number): TestNode {
    const self: NodeRef = { id: parseNodeId(name), incarnation: `${name}-${++this.#lives}` }
    const cluster = this.#clusterOf(self)
    const running = new Set<string>()
    const events = new NodeEvents({
      events: new LocalEventBus<RunEvent>(),
      cluster,
      clock: this.#clock,
      leaseOf: leaseOfTopic,
      topicsOf: topicsOfLease,
      isHere: (lease) => running.has(lease),
      ...(maxListenedTopics === undefined ? {} : { maxListenedTopics }),
    })
    const node: TestNode = { self, events, cluster, sent: 0, running, looks: 0 }
    this.nodes.push(node)
    for (const other of this.nodes) other.events.onMembers({ joined: [memberOf(self)], left: [] })
    return node
  }

  /** Takes a node away, as a crash does, and tells the others. */
  kill(node: TestNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1)
    for (const [key, { incarnation }] of [...this.owners]) if (incarnation === node.self.incarnation) this.owners.delete(key)
    for (const other of this.nodes) other.events.onMembers({ joined: [], left: [node.self] })
  }

  /** Lets what is late arrive. */
  deliverLate(): void {
    const late = this.#late
    this.#late = []
    for (const deliver of late) deliver()
  }

  #clusterOf(self: NodeRef): Cluster {
    const members = (): readonly Member[] => this.nodes.map(({ self: member }) => memberOf(member))
    const locate = async (key: string): Promise<Location> => {
      const node = this.#nodeAt(self)
      if (node !== undefined) node.looks++
      await turn()
      if (this.isBlind) throw new BeamClawError('store-failed', 'nobody knows')
      const owner = this.owners.get(key)
      const epoch = this.epochs.get(key)
      return { node: owner ?? this.nodes[0]?.self ?? self, isOwner: owner !== undefined, ...(epoch === undefined ? {} : { epoch }) }
    }
    const never = (): Promise<never> => Promise.reject(new Error('not part of the test'))
    return {
      self,
      get members() {
        return members()
      },
      locate,
      request: (to, body, { timeoutMs }) => this.#request(self, to, body, timeoutMs),
      tell: (to, body) => this.#tell(self, to, body),
      join: never,
      announce: never,
      acquire: never,
      release: never,
      stop: never,
    }
  }

  #tell(self: NodeRef, to: NodeRef, body: JsonValue): void {
    this.#count(self)
    const text = JSON.stringify(body)
    this.#send('tell', body, () => this.#nodeAt(to)?.events.onTell(JSON.parse(text), self))
  }

  #request(self: NodeRef, to: NodeRef, body: JsonValue, timeoutMs: number): Promise<JsonValue> {
    this.#count(self)
    if (this.#nodeAt(to) === undefined) return Promise.reject(new BeamClawError('node-gone', `There is no node "${to.id}"`))
    const text = JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(() => reject(new BeamClawError('call-timeout', 'no reply')), timeoutMs)
      const settle = (end: () => void): void => {
        timer.cancel()
        end()
      }
      this.#send('request', body, () => {
        const reply = this.#nodeAt(to)?.events.onRequest(JSON.parse(text), self)
        reply?.then(
          (value) => this.#send('reply', value, () => settle(() => resolve(JSON.parse(JSON.stringify(value))))),
          (error) => this.#send('reply', null, () => settle(() => reject(error))),
        )
      })
    })
  }

  #send(kind: 'tell' | 'request' | 'reply', body: JsonValue, deliver: () => void): void {
    const fate = this.way({ kind, body })
    if (fate === 'lost') return
    if (fate === 'late') return void this.#late.push(deliver)
    void turn().then(deliver)
    if (fate === 'doubled') void turn().then(turn).then(deliver)
  }

  #nodeAt({ incarnation }: NodeRef): TestNode | undefined {
    return this.nodes.find(({ self }) => self.incarnation === incarnation)
  }

  #count({ incarnation }: NodeRef): void {
    const node = this.#nodeAt({ id: parseNodeId('any'), incarnation })
    if (node !== undefined) node.sent++
  }
}

function memberOf(self: NodeRef): Member {
  return { ...self, state: 'up', load: 0, wire: [1, 1], records: [1, 1] }
}

async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}
