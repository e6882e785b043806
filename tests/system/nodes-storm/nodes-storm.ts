/** Three nodes over a Redis under load, with tools, approvals and subscribers, while things happen to them at random; then everything is counted. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '@beamclaw/core'
import { integerBetween, pickOne, seededRandom } from '@beamclaw/testkit/simulator'
import { recordsOf } from '../lab/journals.ts'
import { RedisNodes } from '../lab/redis-nodes.ts'
import { randomFault } from './random-faults.ts'

export interface NodesStormOptions {
  readonly seconds: number
  /** Goes on until so many messages were answered, however slow the machine is. @default 0 */
  readonly atLeast?: number
  readonly sessions: number
  readonly seed: number
  /** Hears a line now and then. */
  readonly report: (line: string) => void
}

/** What was counted. */
export interface StormCount {
  /** How often each thing happened. */
  readonly faults: Readonly<Record<string, number>>
  /** Runs that have begun, by the journals. */
  readonly runs: number
  /** Messages that were acknowledged and have no end, or callers that got no answer. */
  readonly lost: number
  /** Messages, runs or tools that were carried out twice. */
  readonly doubled: number
  /** Events that a subscriber missed, heard twice or heard of no record. */
  readonly gaps: number
  /** Messages that were given up as poison. */
  readonly innocentPoison: number
  /** Milliseconds from a message to its answer, faults included: the median, of one in a hundred, and the longest. */
  readonly answerMs: { readonly p50: number; readonly p99: number; readonly longest: number }
  readonly problems: readonly string[]
}

const times = { heartbeatMs: 300, ttlMs: 3_000 } as const
const writers = 16
const followedSessions = 4
const answerWithinMs = 90_000

export async function nodesStorm({ seconds, atLeast = 0, sessions, seed, report }: NodesStormOptions): Promise<StormCount> {
  const random = seededRandom(seed)
  await using lab = await RedisNodes.start({ cluster: times, store: { deadlineMs: 2_000 }, sessions: { passivateAfterMs: 2_000 } })
  const load = new StormLoad(lab, random, sessions)
  const faults: Record<string, number> = {}
  const until = performance.now() + seconds * 1_000
  const isOver = (): boolean => performance.now() > until && load.answered >= atLeast
  const working = Array.from({ length: writers }, (_, writer) => load.write(writer, isOver))
  const deciding = load.decide()
  load.followEverywhere()
  while (!isOver()) {
    await sleep(integerBetween(random, 200, 2_500))
    const name = await randomFault(lab, random, times.ttlMs, load.problems)
    faults[name] = (faults[name] ?? 0) + 1
    load.followEverywhere()
    report(`${name}; ${load.answered} answers, ${load.problems.length} problems`)
  }
  await Promise.race([Promise.all(working), sleep(answerWithinMs)])
  load.end()
  report(`the load is over; ${load.answered} answers`)
  await deciding
  return await load.count(faults)
}

class StormLoad {
  readonly problems: string[] = []
  answered = 0
  readonly #lab: RedisNodes
  readonly #random: Random
  readonly #sessions: readonly string[]
  readonly #answerMs: number[] = []
  readonly #open = new Set<string>()
  #messages = 0
  #isOver = false

  constructor(lab: RedisNodes, random: Random, sessions: number) {
    this.#lab = lab
    this.#random = random
    this.#sessions = Array.from({ length: sessions }, (_, index) => `agent:main:storm-${index}`)
  }

  /** Sends one message after the other, each until it was answered. */
  async write(writer: number, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const session = pickOne(this.#random, this.#sessions)
      const word = pickOne(this.#random, ['hello', 'charge', 'lookup', 'hello', 'charge', 'lookup', 'hello', 'charge', 'lookup', 'pay'])
      const text = `${word} ${writer} ${this.#messages++}`
      const startedAt = performance.now()
      this.#open.add(text)
      try {
        await this.#lab.say(session, text, { from: integerBetween(this.#random, 0, 2) })
        this.answered++
      } catch (error) {
        this.problems.push(`G1: "${text}" in ${session} failed: ${String(error)}`)
      }
      this.#open.delete(text)
      this.#answerMs.push(performance.now() - startedAt)
    }
  }

  /** Approves what waits, at two nodes at once, until the end. */
  async decide(): Promise<void> {
    while (!this.#isOver) {
      const [one, two = one] = [...this.#lab.nodes].sort(() => this.#random.next() - 0.5)
      const waiting = await Promise.race([one?.approvals().catch(() => []), sleep(2_000, [])])
      for (const { id } of waiting ?? []) for (const node of [one, two]) node?.decide(id).catch(() => {})
      await sleep(100)
    }
  }

  /** Has each node follow some sessions that does not yet. */
  followEverywhere(): void {
    for (const node of this.#lab.nodes)
      for (const session of this.#sessions.slice(0, followedSessions)) if (!node.heard.has(session)) node.follow(session)
  }

  end(): void {
    this.#isOver = true
  }

  async count(faults: Readonly<Record<string, number>>): Promise<StormCount> {
    const lab = this.#lab
    for (const text of this.#open) this.problems.push(`G1: "${text}" has no answer after ${answerWithinMs} ms`)
    for (const node of lab.nodes) if (node.lines.some(({ ended }) => ended === true)) this.problems.push(`the tree of ${node.id} has ended`)
    const found = await lab.problems().catch((error: unknown) => [`G1: ${String(error)}`])
    this.problems.push(...found)
    for (const session of this.#sessions.slice(0, followedSessions))
      await lab.allHeard(session).catch((error: unknown) => this.problems.push(`I7: ${String(error)}`))
    let runs = 0
    let innocentPoison = 0
    for (const session of await lab.sessions()) {
      const records = await lab.journal(session)
      runs += recordsOf(records, 'run-start').length
      innocentPoison += recordsOf(records, 'run-end').filter(({ data }) => data.failure?.code === 'poison-message').length
    }
    const counted = (pattern: RegExp): number => this.problems.filter((problem) => pattern.test(problem)).length
    const sorted = this.#answerMs.toSorted((a, b) => a - b)
    const at = (share: number): number => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
    return {
      faults,
      runs,
      lost: counted(/G1:|G6:|I4: .* has 0 ends|I1: .* has 0 runs/),
      doubled: counted(/I1: .*(?:accepted [^1]|has [^01])|I2:|I3:|I4: .* has [^0]/),
      gaps: counted(/I7:/),
      innocentPoison,
      answerMs: { p50: at(0.5), p99: at(0.99), longest: at(1) },
      problems: this.problems,
    }
  }
}
