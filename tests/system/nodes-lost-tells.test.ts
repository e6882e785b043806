/** Row F27 of docs/faults.md: what nodes tell each other without an answer is lost. */
import { defineTool } from '@beamclaw/core'
import { seededRandom, textAnswer, toolAnswer } from '@beamclaw/testkit'
import { expect, test } from 'vitest'
import { type ClockedNode, ClockedNodes } from './lab/clocked-nodes.ts'

/** A renewal is due each five seconds, and waits half a second for what is under way. Time passes in steps of 200 ms. */
const longestWaitMs = 5_000 + 500 + 2 * 200

const deploy = defineTool({ name: 'deploy', description: 'Deploys', askMode: 'always', execute: () => 'deployed' })

/** Calls `deploy` for a message that says so. */
const answers: NonNullable<Parameters<ClockedNodes['add']>[1]>['answers'] = ({ messages }) => {
  const last = messages.at(-1)
  return last?.role === 'user' && String(last.content).startsWith('deploy')
    ? toolAnswer('deploy', {})
    : textAnswer('heard, and thought about it')
}

/** What a reader at one node is told of one session, with the times of the ends of its runs. */
interface Reader {
  readonly node: ClockedNode
  readonly key: string
  readonly seqs: number[]
  readonly ends: Map<string, number>
}

class Scene {
  readonly lab: ClockedNodes
  readonly nodes: readonly ClockedNode[]
  readonly readers: Reader[] = []
  /** When each run ended, at the node that ran it. */
  readonly ended = new Map<string, number>()
  /** When the sender of each message had its result. */
  readonly results = new Map<string, number>()
  readonly #stop = new AbortController()
  #lost = 0
  #messages = 0

  constructor(lab: ClockedNodes, nodes: readonly ClockedNode[]) {
    this.lab = lab
    this.nodes = nodes
    for (const { claw } of nodes) claw.on('run-end', ({ runId }) => void this.ended.set(runId, lab.clock.monotonic()))
  }

  /** The number of messages that were lost. */
  get lost(): number {
    return this.#lost
  }

  /** Has tells vanish, by chance. */
  loseTells(share: number, seed: number): void {
    const random = seededRandom(seed)
    this.lab.network.faults = ({ kind }) => {
      if (kind !== 'tell' || random.next() >= share) return undefined
      this.#lost++
      return { type: 'lose' }
    }
  }

  /** Begins to read a session at each node, until the end of the test. */
  read(key: string): void {
    for (const node of this.nodes) {
      const reader: Reader = { node, key, seqs: [], ends: new Map() }
      this.readers.push(reader)
      const follow = async (): Promise<void> => {
        for await (const event of node.claw.session(key).subscribe(1, { signal: this.#stop.signal, waitForFirstMessage: true })) {
          if ('seq' in event) reader.seqs.push(event.seq)
          if (event.type === 'run-end') reader.ends.set(event.runId, this.lab.clock.monotonic())
        }
      }
      follow().catch(() => {})
    }
  }

  /** Sends a message to a session at the next node in turn. */
  send(key: string, content = 'hello'): void {
    const node = this.nodes[this.#messages % this.nodes.length] as ClockedNode
    const idempotencyKey = `message-${++this.#messages}`
    const run = node.claw.session(key).send(content, { idempotencyKey })
    run.result().then(
      () => void this.results.set(idempotencyKey, this.lab.clock.monotonic()),
      () => {},
    )
  }

  get sent(): number {
    return this.#messages
  }

  /** Fails unless all that was sent has ended, and each reader and sender knew of it in time. */
  async check(): Promise<void> {
    expect(this.ended.size).toBe(this.sent)
    const waits = [...this.results].map(([run, at]) => at - (this.ended.get(run) ?? 0))
    expect(waits).toHaveLength(this.sent)
    for (const { node, key, seqs, ends } of this.readers) {
      const { seq } = await this.lab.within(1_000, node.claw.session(key).history({ limit: 1 }))
      expect(seqs).toEqual(Array.from({ length: seq }, (_, index) => index + 1))
      for (const [run, at] of ends) waits.push(at - (this.ended.get(run) ?? 0))
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(longestWaitMs)
  }

  stop(): void {
    this.#stop.abort()
  }
}

async function scene(lab: ClockedNodes): Promise<Scene> {
  const nodes: ClockedNode[] = []
  for (const id of ['a', 'b', 'c']) nodes.push(await lab.add(id, { answers, tools: [deploy] }))
  return new Scene(lab, nodes)
}

const lost = 'F27: of all tells 30 percent are lost, then all for ten seconds: readers at each node are told everything, in time'

test.each([1, 2, 3])(`${lost} (seed %i)`, async (seed) => {
  await using lab = new ClockedNodes()
  const set = await scene(lab)
  const keys = Array.from({ length: 6 }, (_, index) => `agent:main:chat-${index}`)
  for (const key of keys) set.read(key)
  await lab.pass(1_000)
  const sendFor = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 400) {
      set.send(keys[(passed / 400) % keys.length] as string)
      await lab.pass(400)
    }
  }
  set.loseTells(0.3, seed)
  await sendFor(20_000)
  const before = set.lost
  expect(before).toBeGreaterThan(50)
  set.loseTells(1, seed)
  await sendFor(10_000)
  expect(set.lost - before).toBeGreaterThan(50)
  set.loseTells(0.3, seed + 100)
  await lab.pass(longestWaitMs)
  await set.check()
  set.stop()
})

test('F27: a request for approval that was told to no other node is in the list of each, and the decision of any counts', async () => {
  await using lab = new ClockedNodes()
  const set = await scene(lab)
  const [first, second, third] = set.nodes as readonly [ClockedNode, ClockedNode, ClockedNode]
  const heard: string[] = []
  for (const { claw, id } of [second, third]) claw.on('approval-request', () => void heard.push(id), { nodes: 'all' })
  const key = await lab.sessionAt(first)
  set.loseTells(1, 1)
  set.send(key, 'deploy one')
  await lab.pass(1_000)
  expect([heard, set.lost > 0]).toEqual([[], true])
  for (const { claw } of set.nodes) expect(await lab.within(400, claw.approvals.list())).toMatchObject([{ sessionKey: key }])
  const [request] = await lab.within(400, third.claw.approvals.list())
  await lab.within(1_000, third.claw.approvals.approve(request?.id ?? ''))
  await lab.pass(longestWaitMs)
  for (const { claw } of set.nodes) expect(await lab.within(400, claw.approvals.list())).toEqual([])
  await set.check()
  set.stop()
})
