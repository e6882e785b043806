/** Nodes that share entries, in one process: each sees the others late, and what one says to another may get lost, late, doubled or out of order. */
import type { ManualClock } from '@beamclaw/actor/testing'
import { BeamClawError } from '../../base/errors.ts'
import { parseNodeId, parseTenantId } from '../../base/ids.ts'
import type { JsonValue } from '../../base/messages.ts'
import type { Cluster, Member, NodeRef } from '../../ports/cluster.ts'
import { SharedEntries } from '../shared-entries.ts'
import type { Way } from './node-net.ts'

/** One node. Its life changes when it rejoins. */
export class EntryNode {
  readonly net: EntryNet
  readonly entries: SharedEntries
  readonly logged: string[] = []
  self: NodeRef
  members: readonly Member[] = []
  isCutOff = false
  sent = 0

  constructor(net: EntryNet, self: NodeRef, maxItems: number | undefined) {
    this.net = net
    this.self = self
    this.entries = new SharedEntries({
      tenant: parseTenantId('default'),
      table: 'presence',
      cluster: clusterOf(this),
      services: { clock: net.clock, logger: { log: (_level, event) => this.logged.push(event) } },
      ...(maxItems === undefined ? {} : { maxItems }),
    })
  }

  /** Sees the members as they are now. */
  look(): void {
    if (this.isCutOff) return
    const before = this.members
    this.members = this.net.nodes.filter(({ isCutOff }) => !isCutOff).map(({ self }) => memberOf(self))
    const isIn = (list: readonly NodeRef[], { incarnation }: NodeRef): boolean => list.some((one) => one.incarnation === incarnation)
    const isOther = ({ incarnation }: NodeRef): boolean => incarnation !== this.self.incarnation
    const joined = this.members.filter((one) => !isIn(before, one) && isOther(one))
    const left = before.filter((one) => !isIn(this.members, one) && one.id !== this.self.id)
    if (joined.length + left.length > 0) this.entries.membersChanged({ joined })
  }

  /** Comes back as another life; it sees the others later. */
  rejoin(): void {
    this.isCutOff = false
    this.self = this.net.newLife(this.self.id)
    this.entries.rejoined()
  }

  keysOf(topic: string): string[] {
    return this.entries.list(topic).map(({ key, node }) => `${key}@${node?.id ?? this.self.id}`)
  }
}

export class EntryNet {
  readonly clock: ManualClock
  readonly nodes: EntryNode[] = []
  way: Way = () => 'arrives'
  #late: (() => void)[] = []
  #lives = 0

  constructor(clock: ManualClock) {
    this.clock = clock
  }

  newLife(name: string): NodeRef {
    return { id: parseNodeId(name), incarnation: `${name}-${++this.#lives}` }
  }

  /** Adds a node, which sees the members; they do not see it before they look. */
  join(name: string, maxItems?: number): EntryNode {
    const node = new EntryNode(this, this.newLife(name), maxItems)
    this.nodes.push(node)
    node.members = this.nodes.filter(({ isCutOff }) => !isCutOff).map(({ self }) => memberOf(self))
    return node
  }

  lookAll(): void {
    for (const node of this.nodes) node.look()
  }

  kill(node: EntryNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1)
  }

  deliverLate(): void {
    for (const deliver of this.#late.splice(0)) deliver()
  }

  at({ incarnation }: NodeRef): EntryNode | undefined {
    return this.nodes.find(({ self, isCutOff }) => self.incarnation === incarnation && !isCutOff)
  }

  send(kind: 'tell' | 'request' | 'reply', body: JsonValue, deliver: () => void): void {
    const fate = this.way({ kind, body })
    if (fate === 'lost') return
    if (fate === 'late') return void this.#late.push(deliver)
    void turn().then(deliver)
    if (fate === 'doubled') void turn().then(turn).then(deliver)
  }
}

function clusterOf(node: EntryNode): Cluster {
  const { net } = node
  const never = (): Promise<never> => Promise.reject(new Error('not part of the test'))
  return {
    get self() {
      return node.self
    },
    get members() {
      return node.members
    },
    tell: (to, body) => {
      node.sent++
      if (net.at(node.self) === undefined) return
      const [text, from] = [JSON.stringify(body), node.self]
      net.send('tell', body, () => net.at(to)?.entries.take(JSON.parse(text), from))
    },
    request: (to, body, { timeoutMs }) => {
      node.sent++
      return new Promise((resolve, reject) => {
        const timer = net.clock.setTimer(() => reject(new BeamClawError('call-timeout', 'no reply')), timeoutMs)
        const { after } = body as { readonly after: JsonValue }
        net.send('request', body, () => {
          const page = net.at(node.self) === undefined ? undefined : net.at(to)?.entries.page(after)
          if (page === undefined) return
          const text = JSON.stringify(page)
          net.send('reply', null, () => {
            timer.cancel()
            resolve(JSON.parse(text))
          })
        })
      })
    },
    locate: never,
    join: never,
    announce: never,
    acquire: never,
    release: never,
    stop: never,
  }
}

function memberOf(self: NodeRef): Member {
  return { ...self, state: 'up', load: 0, wire: [1, 1], records: [1, 1] }
}

async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}
