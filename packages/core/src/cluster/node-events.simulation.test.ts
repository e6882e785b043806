import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import type { CommittedEvent } from '../base/events.ts'
import { type FeedStart, SessionFeed } from '../session/session-feed.ts'
import { chance } from '../testing/chance.ts'
import { NodeNet, type TestNode } from './testing/node-net.ts'
import { durable, lease, piece, topic } from './testing/session-events.ts'

interface Reader {
  readonly node: TestNode
  readonly feed: SessionFeed
  readonly told: number[]
  readonly from: number
  readonly ended: Promise<void>
}

/** Three nodes that read one session, which moves between them, over a network that loses a third of what is sent. */
class Scene {
  readonly clock = new ManualClock()
  readonly net = new NodeNet(this.clock)
  readonly journal: CommittedEvent[] = []
  readonly random: () => number
  readers: Reader[] = []
  #names = 0

  constructor(seed: number) {
    this.random = chance(seed)
    for (let n = 0; n < 3; n++) this.join()
    this.net.owners.set(lease, this.any().self)
    this.makeNetworkBad()
  }

  join(): void {
    this.net.join(`node${++this.#names}`)
  }

  any(): TestNode {
    return this.net.nodes[Math.floor(this.random() * this.net.nodes.length)] as TestNode
  }

  owner(): TestNode | undefined {
    const owner = this.net.owners.get(lease)
    return this.net.nodes.find(({ self }) => self.incarnation === owner?.incarnation)
  }

  makeNetworkBad(): void {
    this.net.way = ({ kind }) => {
      const dice = this.random()
      if (dice < (kind === 'tell' ? 0.3 : 0.1)) return 'lost'
      return dice < 0.45 ? 'late' : dice < 0.55 ? 'doubled' : 'arrives'
    }
  }

  publish(): void {
    const owner = this.owner()
    if (owner === undefined) return
    const event = durable(this.journal.length + 1)
    this.journal.push(event)
    owner.events.publish(topic, event)
    if (this.random() < 0.5) owner.events.publish(topic, piece('x'))
  }

  move(): void {
    const [before, after] = [this.owner(), this.any()]
    before?.running.delete(lease)
    if (this.random() < 0.7) after.running.add(lease)
    this.net.owners.set(lease, after.self)
    // One that is killed does not say so; one that starts always does.
    if (this.random() < 0.7) before?.events.sessionMoved(lease, this.random() < 0.5 ? after.self : undefined)
    after.events.sessionStarted(lease)
  }

  async kill(): Promise<void> {
    const node = this.any()
    const isOfNode = (reader: Reader): boolean => reader.node === node
    const gone = this.readers.filter(isOfNode)
    this.readers = this.readers.filter((reader) => !isOfNode(reader))
    this.net.kill(node)
    for (const reader of gone) await this.leave(reader)
    this.join()
    if (this.net.owners.has(lease)) return
    const next = this.any()
    this.net.owners.set(lease, next.self)
    next.events.sessionStarted(lease)
  }

  read(): void {
    const node = this.any()
    const from = this.random() < 0.5 ? 1 : this.journal.length + 1
    const read = async (fromSeq: number) => ({ events: this.journal.slice(fromSeq - 1), lastSeq: this.journal.length })
    const feed = new SessionFeed({ clock: new ManualClock(), events: node.events, topic, read })
    const told: number[] = []
    const start: FeedStart = { mustFollow: true, isAtWork: this.random() < 0.5 }
    const ended = (async () => {
      for await (const event of feed.from(from, start)) if ('seq' in event) told.push(event.seq)
    })()
    this.readers.push({ node, feed, told, from, ended })
  }

  async leave(reader: Reader): Promise<void> {
    this.readers = this.readers.filter((other) => other !== reader)
    await reader.feed.stop()
    await reader.ended
  }

  async step(): Promise<void> {
    const dice = this.random()
    if (dice < 0.5) this.publish()
    else if (dice < 0.6) this.read()
    else if (dice < 0.65) this.move()
    else if (dice < 0.67) await this.kill()
    else if (dice < 0.72 && this.readers[0] !== undefined) await this.leave(this.readers[0])
    else if (dice < 0.8) this.net.deliverLate()
    else if (dice < 0.9) await flushEventLoop()
    else await this.clock.advance(Math.floor(this.random() * 6_000))
  }
}

test('every reader on every node is complete within two renewals, whatever the network lost and wherever the session went', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const scene = new Scene(seed)
    for (let step = 0; step < 60; step++) await scene.step()
    scene.net.deliverLate()
    scene.net.way = () => 'arrives'
    // A request that was lost ends first; then two renewals, and the arrival of what the second one counts.
    await scene.clock.advance(5_000 + 10_000 + 500)
    const expected = scene.readers.map(({ from }) => scene.journal.map(({ seq }) => seq).filter((seq) => seq >= from))
    expect({ seed, told: scene.readers.map(({ told }) => told) }).toEqual({ seed, told: expected })
    for (const reader of scene.readers) await scene.leave(reader)
    await scene.clock.advance(20_000)
    const sizes = scene.net.nodes.map(({ events }) => events.sizes)
    expect({ seed, sizes, timers: scene.clock.pendingTimers }).toEqual({
      seed,
      sizes: sizes.map(() => ({ followed: 0, listening: 0, listened: 0 })),
      timers: 0,
    })
  }
})
