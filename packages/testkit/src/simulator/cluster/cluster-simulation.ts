/** The world of one simulated cluster: its time, its network, its store, its nodes, and their callers. */
import { MemoryStore, type Random } from '@beamclaw/core'
import { killPart } from '@beamclaw/core/testing'
import { MemoryNetwork } from '../../cluster/memory-network.ts'
import { randomMessageFaults } from '../../cluster/message-faults.ts'
import { faultyStore } from '../../faulty-store.ts'
import { integerBetween, pickOne, seededRandom } from '../../seeded-random.ts'
import { sequentialIds } from '../../sequential-ids.ts'
import { checkJournals } from '../check-journals.ts'
import { checkTranscript } from '../check-transcript.ts'
import { DurableHistory } from '../durable-history.ts'
import { SimulatedAgent } from '../simulated-agent.ts'
import { Trace } from '../trace.ts'
import { breathe, VirtualClock } from '../virtual-clock.ts'
import { checkNodesStopped, checkOwners, checkWorkLists } from './check-nodes.ts'
import { ClusterClient } from './cluster-client.ts'
import { type ClusterEvent, pickClusterEvent } from './cluster-event.ts'
import type { ClusterSimulationReport } from './cluster-simulation-report.ts'
import { ClusterSubscribers } from './cluster-subscribers.ts'
import { giveSessions } from './give-sessions.ts'
import { NodeWeather } from './node-weather.ts'
import { SimulatedNode } from './simulated-node.ts'

/** Virtual milliseconds in which everything must come to rest once nothing fails any more, beside the time to live and a sweep of lists. */
const calmMs = 150_000

export interface ClusterSimulationOptions {
  readonly seed: number
  readonly nodes: number | undefined
  readonly sessions: number
  readonly without: readonly ClusterEvent[]
}

export class ClusterSimulation {
  readonly #seed: number
  readonly #without: ReadonlySet<ClusterEvent>
  readonly #clock = new VirtualClock()
  readonly #world = this.#clock.clockOf('world')
  readonly #trace: Trace
  readonly #random: Random
  readonly #ttlMs: number
  readonly #history: DurableHistory
  readonly #network: MemoryNetwork
  readonly #agent: SimulatedAgent
  readonly #client: ClusterClient
  readonly #subscribers: ClusterSubscribers
  readonly #weathers: readonly NodeWeather[]
  readonly #nodes: readonly SimulatedNode[]
  readonly #sessions: readonly string[]
  /** True when a call to the store or the model may never be answered: the program that made it ends with the storm. */
  readonly #mayHang: boolean
  #isStormy = true

  constructor({ seed, nodes, sessions, without }: ClusterSimulationOptions) {
    this.#seed = seed
    this.#without = new Set(without)
    // Streams of chance of their own: a change in one part leaves the others as they were.
    const chance = (part: number): Random => seededRandom(seed * 1_009 + part)
    const random = chance(0)
    this.#random = random
    const trace = new Trace(seed, this.#clock)
    this.#trace = trace
    const ids = sequentialIds('id')
    this.#ttlMs = pickOne(random, [3_000, 3_000, 15_000])
    const latencyMs = pickOne(random, [0, 0, 3])
    this.#network = new MemoryNetwork({
      clock: this.#clock.clockOf('network'),
      heartbeatMs: this.#ttlMs / 15 + 200,
      ttlMs: this.#ttlMs,
      latencyMs,
    })
    const rough = pickOne(random, [0, 0.02, 0.1])
    if (!this.#without.has('message-fault'))
      this.#network.faults = randomMessageFaults({ random: chance(1), lose: rough, delay: rough * 2, double: rough })
    this.#history = new DurableHistory(new MemoryStore(), trace)
    this.#mayHang = random.next() < 0.2 && !this.#without.has('hung-store')
    const mailboxSize = pickOne(random, [3, 10, 1_000])
    // The sessions of one simulation rest at nodes for long, so that they can be given away.
    const passivateAfterMs = pickOne(chance(4), [2_000, 30_000])
    const count = nodes ?? integerBetween(random, 3, 5)
    const ofAgent = this.#without.has('model-failure') ? (['model-failure'] as const) : []
    this.#agent = new SimulatedAgent({
      random: chance(2),
      ids,
      clock: this.#world,
      trace,
      history: this.#history,
      without: new Set(ofAgent),
      hasApprovals: true,
      mayHang: this.#mayHang,
    })
    this.#weathers = Array.from(
      { length: count },
      (_, index) =>
        new NodeWeather({
          without: this.#without,
          random: chance(100 + index),
          trace,
          node: `n${index + 1}`,
          wait: (ms) => this.#wait(ms),
          mayHang: () => this.#mayHang && this.#nodes[index]?.phase === 'up',
        }),
    )
    this.#nodes = this.#weathers.map(
      (weather, index) =>
        new SimulatedNode({
          id: `n${index + 1}`,
          network: this.#network,
          clock: this.#clock,
          ids,
          random: (life) => chance(1_000 + 50 * index + life),
          store: faultyStore(this.#history.store, (call) => weather.faultFor(call)),
          trace,
          mailboxSize,
          passivateAfterMs,
          agent: (isCurrent, clock) => this.#agent.define(isCurrent, clock),
          provider: (clock) => this.#agent.provider(clock),
          onEnd: (node, isOwn) => this.#onEnd(node, isOwn),
        }),
    )
    const pick = (): SimulatedNode | undefined => this.#pickNode(chanceOfClients)
    const chanceOfClients = chance(3)
    this.#client = new ClusterClient({ random: chanceOfClients, clock: this.#world, trace, history: this.#history, pick })
    this.#subscribers = new ClusterSubscribers({ trace, history: this.#history, pick, wait: (ms) => this.#wait(ms) })
    this.#sessions = Array.from({ length: sessions }, (_, index) => `agent:main:s${index + 1}`)
  }

  /** Runs a number of events one after the other, with a random time between them. */
  async storm(steps: number): Promise<void> {
    for (const node of this.#nodes) void node.start()
    // Modules that are loaded at their first use take time that is not virtual.
    while (this.#nodes.some(({ phase }) => phase === 'starting')) await this.#clock.advance(10)
    await this.#clock.advance(500)
    for (let step = 0; step < steps; step++) {
      this.#act()
      await this.#passTime()
      this.#trace.check()
    }
  }

  /** Heals everything, and waits until all that was accepted has come to its end by itself. */
  async calm(): Promise<void> {
    this.#trace.add('calm')
    this.#isStormy = false
    this.#agent.isStormy = false
    this.#network.faults = undefined
    this.#network.heal()
    for (const weather of this.#weathers) weather.isStormy = false
    for (const node of this.#nodes) node.thaw()
    // What was delayed arrives.
    await this.#clock.advance(3_000)
    // A call to the store that is never answered holds its session for as long as its program lives.
    if (this.#mayHang) for (const node of this.#nodes) await this.#replace(node)
    await this.#settle(this.#ttlMs + 60_000 + calmMs)
    this.#trace.check()
    for (const node of this.#nodes) if (node.running === undefined) this.#trace.fail('I1', `${node.id} did not come up after the storm`)
    this.#check()
    this.#subscribers.checkAll()
    await checkWorkLists(this.#nodes, this.#history, this.#trace, this.#clock)
    this.#trace.check()
  }

  /** Asks each node whether it knows what the journals know, and each session for one more answer. */
  async checkWhatIsKnown(): Promise<void> {
    for (const session of this.#history.sessions) {
      const wanted = this.#history.recordsOf(session).length
      const used = Promise.allSettled(this.#nodes.map(async ({ running }) => running?.session(session).history({ limit: 0 })))
      // A durable message that was never acknowledged continues now, and its run may ask.
      await this.#settle(90_000)
      await used
      const began = this.#history.recordsOf(session).length
      const checked = this.#nodes.flatMap(({ running }) =>
        running === undefined || began === 0 ? [] : [checkTranscript(running, session, this.#history, this.#trace)],
      )
      await this.#clock.advance(3_000)
      await Promise.all(checked)
      for (const key of this.#client.accepted.get(session) ?? []) this.#client.repeat(session, key)
      await this.#clock.advance(3_000)
      const now = this.#history.recordsOf(session).length
      if (now !== began) this.#trace.fail('I1', `messages of ${session} that were sent once more have caused something`)
      this.#give([session], pickOne(this.#random, this.#nodes), 0)
      await this.#clock.advance(1_000)
      if (wanted > 0) await checkOwners(session, this.#nodes, this.#trace, this.#clock)
      const key = this.#client.send(session, [pickOne(this.#random, this.#nodes)], 'queue')
      await this.#settle(60_000)
      if (this.#client.accepted.get(session)?.has(key) !== true) this.#trace.fail('I1', `${key} was not accepted by a healthy cluster`)
      this.#trace.check()
    }
    this.#check()
    this.#subscribers.checkAll()
    this.#subscribers.leaveAll()
    await this.#clock.advance(5_000)
    this.#trace.check()
  }

  /** Stops all nodes and looks for what should be gone. */
  async checkLeftovers(): Promise<void> {
    const trace = this.#trace
    if (this.#client.open.length > 0) trace.fail('I10', `callers wait for ${this.#client.open.join('; ')}`)
    if (this.#agent.busy > 0) trace.fail('I8', `${this.#agent.busy} calls to the model or to tools are still running`)
    await checkWorkLists(this.#nodes, this.#history, trace, this.#clock)
    await checkNodesStopped(this.#nodes, trace, this.#clock)
    trace.check()
  }

  report(): ClusterSimulationReport {
    const records = this.#history.sessions.reduce((sum, session) => sum + this.#history.recordsOf(session).length, 0)
    const lives = this.#nodes.reduce((sum, node) => sum + node.lives, 0)
    return { seed: this.#seed, trace: this.#trace.lines, nodes: this.#nodes.length, lives, messages: this.#client.sent, records }
  }

  #check(): void {
    checkJournals(this.#client.accepted, this.#history, this.#trace)
    this.#trace.check()
  }

  // ---- what happens

  #act(): void {
    const event = pickClusterEvent(this.#random)
    const session = pickOne(this.#random, this.#sessions)
    const node = pickOne(this.#random, this.#nodes)
    const soon = integerBetween(this.#random, Math.ceil(this.#ttlMs / 10), this.#ttlMs * 3)
    if (this.#without.has(event)) return
    const caller = this.#pickNode(this.#random)
    switch (event) {
      case 'send':
        return void this.#client.send(session)
      case 'repeat':
        return this.#client.repeat(session)
      case 'send-at-once':
        return void this.#client.send(
          session,
          this.#nodes.filter(() => this.#random.next() < 0.6),
        )
      case 'abort':
        return this.#abort(session, caller)
      case 'decide':
        return this.#decide(caller)
      case 'subscribe':
        return this.#subscribers.add(session, this.#random.next() < 0.5 ? 1 : this.#history.recordsOf(session).length + 1)
      case 'leave':
        return this.#subscribers.leaveOne()
      case 'inspect':
        return void caller?.running
          ?.session(session)
          .inspect()
          .catch(() => {})
      case 'kill':
        return node.kill()
      case 'restart':
        return void this.#nodes.find(({ phase }) => phase === 'down')?.start()
      case 'freeze':
        node.freeze()
        return this.#later(soon, () => node.thaw())
      case 'isolate':
        this.#trace.add(`${node.id} is isolated`)
        this.#network.isolate(node.id)
        return this.#later(soon, () => this.#network.heal(node.id))
      case 'cut':
        return this.#cut(node, soon)
      case 'drain':
        return void node.leave(pickOne(this.#random, [0, 200, 5_000]))
      case 'rebalance':
        return this.#give(this.#sessions, node, soon)
      case 'kill-branch':
        return this.#killBelow(caller, pickOne(this.#random, ['sessions', 'tools']))
      case 'wall-jump':
        return this.#jumpWall()
      case 'store-outage':
        return this.#outage(soon)
      case 'idle':
        return this.#later(0, () => {})
    }
  }

  #later(ms: number, act: () => void): void {
    this.#world.setTimer(() => {
      if (this.#isStormy) act()
    }, ms)
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#world.setTimer(resolve, ms))
  }

  #pickNode(random: Random): SimulatedNode | undefined {
    const callable = this.#nodes.filter(({ running }) => running !== undefined)
    return callable.length === 0 ? undefined : pickOne(random, callable)
  }

  #abort(session: string, node: SimulatedNode | undefined): void {
    const keys = this.#client.keysOf(session)
    const named = this.#random.next() < 0.7 && keys.length > 0 ? pickOne(this.#random, keys.slice(-4)) : undefined
    if (node?.running === undefined) return
    this.#trace.add(`abort ${named ?? 'the run under way'} of ${session} at ${node.id}`)
    node.running
      .session(session)
      .abort(named)
      .then(
        ({ runId, status }) => this.#trace.add(`aborted ${String(runId)}, which is ${status}`),
        () => {},
      )
  }

  /** A person sees the requests at a node, and decides one of them there; another may be quicker. */
  #decide(node: SimulatedNode | undefined): void {
    const approvals = node?.running?.approvals
    if (node === undefined || approvals === undefined) return
    const dice = this.#random.next()
    const decide = async (): Promise<void> => {
      const asked = await approvals.list()
      const request = asked[Math.floor(dice * asked.length)]
      if (request === undefined) return
      const decision = dice * 100 - Math.floor(dice * 100) < 0.7 ? 'approve' : 'deny'
      this.#trace.add(`${decision} ${request.id} at ${node.id}`)
      await approvals[decision](request.id)
      this.#trace.add(`${request.id} is decided`)
    }
    decide().catch((error: unknown) => this.#trace.add(`a decision was not taken: ${String(error).slice(0, 100)}`))
  }

  #cut(node: SimulatedNode, healMs: number): void {
    const other = pickOne(this.#random, this.#nodes)
    const isOneWay = this.#random.next() < 0.5
    if (other === node) return
    this.#trace.add(`${node.id} is cut from ${other.id}${isOneWay ? ', one way' : ''}`)
    if (isOneWay) this.#network.cutOneWay(node.id, other.id)
    else this.#network.cut(node.id, other.id)
    this.#later(healMs, () => {
      this.#trace.add(`${node.id} is healed`)
      this.#network.heal(node.id)
    })
  }

  #give(sessions: readonly string[], to: SimulatedNode, ms: number): void {
    giveSessions({ sessions, nodes: this.#nodes, to, trace: this.#trace, later: (wait, act) => this.#later(wait, act) }, ms)
  }

  #killBelow(node: SimulatedNode | undefined, branch: string): void {
    if (node?.running === undefined) return
    this.#trace.add(`${branch} of ${node.id} are killed`)
    try {
      // A part that cannot start again, for its store is away, takes its node down.
      node.mayEnd = true
      killPart(node.running, branch)
    } catch {
      this.#trace.add(`there are no ${branch} just now`)
    }
  }

  #jumpWall(): void {
    const ms = integerBetween(this.#random, -7_200_000, 7_200_000)
    this.#trace.add(`the wall clock jumps by ${ms} ms`)
    this.#clock.jumpWall(ms)
  }

  #outage(ms: number): void {
    const hit = this.#random.next() < 0.5 ? this.#weathers : [pickOne(this.#random, this.#weathers)]
    this.#trace.add(`the store is away for ${hit.map(({ node }) => node).join(', ')}`)
    for (const weather of hit) weather.isAway = true
    this.#later(ms, () => {
      this.#trace.add('the store is back')
      for (const weather of hit) weather.isAway = false
    })
  }

  #onEnd(node: SimulatedNode, isOwn: boolean): void {
    if (!isOwn) return
    const isExpected = node.mayEnd || this.#weathers.some((weather) => weather.node === node.id && weather.hasFailedForGood)
    if (!isExpected) this.#trace.fail('I8', `${node.id} has ended by itself, and its store had not failed for good`)
  }

  async #replace(node: SimulatedNode): Promise<void> {
    node.kill()
    await this.#clock.advance(integerBetween(this.#random, 0, 3_000))
    void node.start()
    await this.#clock.advance(integerBetween(this.#random, 0, 3_000))
  }

  /** Lets time pass; nodes that are down are started meanwhile, and what waits for a person is decided. */
  async #settle(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 5_000) {
      for (const node of this.#nodes) if (node.phase === 'down') void node.start()
      this.#decide(this.#pickNode(this.#random))
      await this.#clock.advance(5_000)
      this.#trace.check()
    }
  }

  /** No time, a few turns of the event loop, a moment, or a while: a fault must be able to hit anything. */
  async #passTime(): Promise<void> {
    const dice = this.#random.next()
    if (dice < 0.15) return
    if (dice < 0.3) for (let turns = integerBetween(this.#random, 1, 12); turns > 0; turns--) await Promise.resolve()
    else if (dice < 0.5) await breathe(integerBetween(this.#random, 1, 4))
    else if (dice < 0.85) await this.#clock.advance(integerBetween(this.#random, 0, 60))
    else await this.#clock.advance(integerBetween(this.#random, 0, dice < 0.96 ? 800 : this.#ttlMs * 2))
  }
}
