/** Entries of several nodes over a bad network. `BEAMCLAW_ENTRIES_SEEDS` sets how many lives are played. */
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { chance } from '../testing/chance.ts'
import { EntryNet, type EntryNode } from './testing/entry-net.ts'

const topics = ['one', 'two'] as const

interface Own {
  readonly node: EntryNode
  readonly topic: string
  readonly key: string
  readonly remove: () => void
}

/** What a listener knows, by its own counting. */
interface Watch {
  readonly node: EntryNode
  readonly topic: string
  readonly counts: Map<string, number>
}

/** Three or four nodes over a network that loses a third of what is told. They come, go, are cut off and come back. */
class Scene {
  readonly clock = new ManualClock()
  readonly net = new EntryNet(this.clock)
  readonly random: () => number
  own: Own[] = []
  watches: Watch[] = []
  #names = 0
  #keys = 0

  constructor(seed: number) {
    this.random = chance(seed)
    for (let n = 0; n < 3; n++) this.join()
    this.net.way = ({ kind }) => {
      const dice = this.random()
      if (dice < (kind === 'tell' ? 0.3 : 0.1)) return 'lost'
      return dice < 0.45 ? 'late' : dice < 0.55 ? 'doubled' : 'arrives'
    }
  }

  join(): void {
    // Pages of three entries: what is read changes while it is read.
    this.net.join(`node${++this.#names}`, 3)
  }

  any(): EntryNode {
    return this.net.nodes[Math.floor(this.random() * this.net.nodes.length)] as EntryNode
  }

  anyTopic(): string {
    return this.random() < 0.7 ? topics[0] : topics[1]
  }

  add(): void {
    const [node, topic] = [this.any(), this.anyTopic()]
    // Some keys are there several times.
    const key = this.random() < 0.2 ? 'twice' : `key${++this.#keys}`
    this.own.push({ node, topic, key, remove: node.entries.add(topic, key, null) })
  }

  remove(): void {
    const [gone] = this.own.splice(Math.floor(this.random() * this.own.length), 1)
    gone?.remove()
  }

  watch(): void {
    const [node, topic] = [this.any(), this.anyTopic()]
    const counts = new Map<string, number>()
    const count = (key: string, by: number): void => {
      const next = (counts.get(key) ?? 0) + by
      if (next === 0) counts.delete(key)
      else counts.set(key, next)
    }
    const name = ({ key, node: at }: ReturnType<EntryNode['entries']['list']>[number]): string => `${key}@${at?.id ?? node.self.id}`
    for (const entry of node.entries.list(topic)) count(name(entry), 1)
    node.entries.on(topic, ({ joined, left }) => {
      for (const entry of joined) count(name(entry), 1)
      for (const entry of left) count(name(entry), -1)
    })
    this.watches.push({ node, topic, counts })
  }

  kill(): void {
    if (this.net.nodes.length < 3) return
    const node = this.any()
    this.net.kill(node)
    this.forget(node)
  }

  forget(node: EntryNode): void {
    this.own = this.own.filter((one) => one.node !== node)
    this.watches = this.watches.filter((one) => one.node !== node)
  }

  async step(): Promise<void> {
    const dice = this.random()
    if (dice < 0.4) this.add()
    else if (dice < 0.6) this.remove()
    else if (dice < 0.66) this.watch()
    else if (dice < 0.69) this.kill()
    else if (dice < 0.72 && this.net.nodes.length < 4) this.join()
    else if (dice < 0.75) this.any().isCutOff = true
    else if (dice < 0.79) this.net.nodes.find(({ isCutOff }) => isCutOff)?.rejoin()
    else if (dice < 0.86) this.any().look()
    else if (dice < 0.9) this.net.deliverLate()
    else if (dice < 0.96) await flushEventLoop()
    else await this.clock.advance(Math.floor(this.random() * 20_000))
  }

  /** Lets everything arrive, and waits until a lost request has ended and each node has sent a digest. */
  async rest(): Promise<void> {
    for (const node of this.net.nodes) if (node.isCutOff) node.rejoin()
    this.net.way = () => 'arrives'
    this.net.deliverLate()
    this.net.lookAll()
    // In steps: a reply takes several turns, and must not meet the end of its request.
    for (let step = 0; step < 20; step++) {
      await this.clock.advance(1_000)
      await flushEventLoop()
    }
    for (let round = 0; round < 4; round++) await flushEventLoop()
  }

  expected(topic: string): string[] {
    return this.own.flatMap((own) => (own.topic === topic ? [`${own.key}@${own.node.self.id}`] : [])).sort()
  }
}

const seeds = Number(process.env.BEAMCLAW_ENTRIES_SEEDS ?? 300)

test(`${seeds} times each node lists what the live nodes have, and each listener can count it, whatever was lost`, async () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const scene = new Scene(seed)
    for (let step = 0; step < 80; step++) await scene.step()
    await scene.rest()
    for (const topic of topics) {
      const listed = scene.net.nodes.map((node) => node.keysOf(topic).sort())
      expect({ seed, topic, listed }).toEqual({ seed, topic, listed: listed.map(() => scene.expected(topic)) })
    }
    for (const { topic, counts } of scene.watches) {
      const counted = [...counts].flatMap(([name, count]) => Array.from({ length: count }, () => name)).sort()
      expect({ seed, topic, counted }).toEqual({ seed, topic, counted: scene.expected(topic) })
    }
    for (const node of [...scene.net.nodes]) node.entries.stop()
    await scene.clock.advance(0)
    expect({ seed, logged: scene.net.nodes.flatMap(({ logged }) => logged) }).toEqual({ seed, logged: [] })
  }
}, 120_000)
