/** The world of one simulation: its time, its store, its processes one after the other, and their callers. */

import { MemoryStore, type Random, type RunningBeamClaw, type Store } from '@beamclaw/core'
import { killPart, partTree } from '@beamclaw/core/testing'
import { faultyStore } from '../faulty-store.ts'
import { integerBetween, pickOne, seededRandom } from '../seeded-random.ts'
import { sequentialIds } from '../sequential-ids.ts'
import { checkJournals } from './check-journals.ts'
import { checkTranscript } from './check-transcript.ts'
import { DurableHistory } from './durable-history.ts'
import { Sender } from './sender.ts'
import { SimulatedAgent } from './simulated-agent.ts'
import { pickEvent, type SimulatedEvent } from './simulated-event.ts'
import { SimulatedProgram } from './simulated-program.ts'
import type { SimulationReport } from './simulation-report.ts'
import { Storm } from './storm.ts'
import { Subscriber } from './subscriber.ts'
import { Trace } from './trace.ts'
import { breathe, VirtualClock } from './virtual-clock.ts'

/** Virtual milliseconds in which everything must come to rest once nothing fails any more. */
const calmMs = 120_000

/** A session that gets no message. */
const nobody = 'agent:main:nobody'

export class Simulation {
  readonly #seed: number
  readonly #without: ReadonlySet<SimulatedEvent>
  readonly #clock = new VirtualClock()
  readonly #trace: Trace
  readonly #random: Random
  readonly #ids = sequentialIds('id')
  readonly #history: DurableHistory
  readonly #storm: Storm
  readonly #agent: SimulatedAgent
  readonly #sender: Sender
  readonly #store: Store
  readonly #sessions: readonly string[]
  readonly #mailboxSize: number
  readonly #wait: (ms: number) => Promise<void>
  readonly #subscribers: Subscriber[] = []
  #program: SimulatedProgram | undefined
  #programs = 0

  constructor(seed: number, sessions: number, without: readonly SimulatedEvent[]) {
    this.#seed = seed
    this.#without = new Set(without)
    this.#random = seededRandom(seed)
    const trace = new Trace(seed, this.#clock)
    this.#trace = trace
    const clock = this.#clock.clockOf('world')
    // Streams of chance of their own: a change in one part leaves the others as they were.
    const chance = (part: number): Random => seededRandom(seed * 31 + part)
    this.#history = new DurableHistory(new MemoryStore(), trace)
    this.#wait = (ms) => new Promise((resolve) => clock.setTimer(resolve, ms))
    this.#storm = new Storm({ without: this.#without, random: chance(1), trace, wait: this.#wait })
    this.#store = faultyStore(this.#history.store, (call) => this.#storm.faultFor(call))
    this.#agent = new SimulatedAgent({ random: chance(2), ids: this.#ids, clock, trace, history: this.#history, without: this.#without })
    this.#sender = new Sender({ random: chance(3), trace, history: this.#history })
    this.#sessions = Array.from({ length: sessions }, (_, index) => `agent:main:s${index + 1}`)
    this.#mailboxSize = pickOne(this.#random, [3, 10, 1_000])
  }

  /** Runs a number of events one after the other, with a random time between them. */
  async storm(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const running = this.#program?.running
      if (running === undefined) await this.#startProgram()
      else await this.#act(running)
      await this.#passTime()
      this.#trace.check()
    }
  }

  /** Ends the storm with one more crash, and waits until everything that was accepted has come to its end by itself. */
  async calm(): Promise<void> {
    this.#trace.add('calm')
    this.#storm.isOn = false
    this.#agent.isStormy = false
    for (const subscriber of this.#subscribers) subscriber.leave()
    await this.#program?.kill()
    // Calls that the last program made may still be on their way.
    await this.#clock.advance(2_000)
    await this.#startProgram()
    await this.#clock.advance(calmMs)
    this.#trace.check()
    checkJournals(this.#sender.accepted, this.#history, this.#trace)
    this.#trace.check()
  }

  /** Asks the program that is left, and a new subscriber of each session, whether they know what the journals know. */
  async checkWhatIsKnown(): Promise<void> {
    const { running } = this.#program ?? {}
    if (running === undefined) return this.#trace.fail('I1', 'the program did not come up after the storm')
    for (const session of this.#history.sessions) {
      const subscriber = this.#subscribe(session, 1, running)
      // A durable message that was never acknowledged continues when its session is used again. A subscriber reads beside it.
      const used = running.session(session).history({ limit: 0 })
      // It is empty when its first message was refused.
      used.catch(() => {})
      await this.#clock.advance(60_000)
      const checked =
        this.#history.recordsOf(session).length > 0 ? checkTranscript(running, session, this.#history, this.#trace) : undefined
      await this.#clock.advance(1_000)
      await checked
      const wanted = this.#history.recordsOf(session).length
      if (subscriber.nextSeq !== wanted + 1 && this.#history.compactedTo(session) < wanted)
        this.#trace.fail('I7', `a new subscriber of ${session} got ${subscriber.nextSeq - 1} of ${wanted} records`)
      for (const key of this.#sender.accepted.get(session) ?? []) {
        this.#sender.repeat(running, session, key)
        this.#sender.followLate(running, session, key)
      }
      await this.#clock.advance(1_000)
      if (this.#history.recordsOf(session).length !== wanted)
        this.#trace.fail('I1', `messages of ${session} that were sent once more have caused something`)
      subscriber.leave()
      this.#sender.send(running, session, 'queue')
      await this.#clock.advance(60_000)
    }
    this.#trace.check()
    checkJournals(this.#sender.accepted, this.#history, this.#trace)
    this.#trace.check()
  }

  /** Stops the last program and looks for what should be gone. */
  async checkLeftovers(): Promise<void> {
    const program = this.#program
    const trace = this.#trace
    if (this.#history.sessions.includes(nobody)) trace.fail('I8', `looking at ${nobody} has made it`)
    if (this.#sender.open > 0) trace.fail('I8', `${this.#sender.open} results have not been told`)
    if (this.#agent.busy > 0) trace.fail('I8', `${this.#agent.busy} calls to the model or to tools are still running`)
    const { busySessions } = this.#history
    if (busySessions.length > 0) trace.fail('I8', `sessions at rest are on record as busy: ${busySessions.join(', ')}`)
    const open = program?.events.open ?? []
    if (open.length > 0) trace.fail('I8', `subscriptions are left open: ${open.join(', ')}`)
    const running = program?.running
    const stopping = running?.stop()
    await this.#clock.advance(10)
    const hasStopped = await Promise.race([stopping?.then(() => true), breathe().then(() => false)])
    if (hasStopped === false) trace.fail('I8', 'the program does not stop')
    const pending = this.#clock.pendingTimers()
    if (pending > 0) trace.fail('I8', `${pending} timers are left pending`)
    const children = countNodes(running)
    if (children > 0) trace.fail('I8', `${children} actors are left in the tree`)
    trace.check()
  }

  report(): SimulationReport {
    const records = this.#history.sessions.reduce((sum, session) => sum + this.#history.recordsOf(session).length, 0)
    return { seed: this.#seed, trace: this.#trace.lines, crashes: this.#programs - 1, messages: this.#sender.sent, records }
  }

  // ---- what happens

  async #act(running: RunningBeamClaw): Promise<void> {
    const session = pickOne(this.#random, this.#sessions)
    const event = pickEvent(this.#random)
    if (this.#without.has(event)) return
    switch (event) {
      case 'send':
        return this.#sender.send(running, session)
      case 'repeat':
        return this.#sender.repeat(running, session)
      case 'abort':
        return this.#abort(running, session)
      case 'subscribe':
        this.#subscribe(session, this.#random.next() < 0.5 ? 1 : this.#history.recordsOf(session).length + 1, running)
        return
      case 'leave':
        return this.#subscribers.find((one) => !one.hasLeft)?.leave()
      case 'inspect':
        running
          .session(session)
          .inspect()
          .catch(() => {})
        return
      case 'mismatch':
        return this.#sender.mismatch(running, session)
      case 'look-unknown':
        return this.#lookAtNobody(running)
      case 'kill-branch':
        return this.#killBelow(running, pickOne(this.#random, ['sessions', 'tools']))
      case 'wall-jump':
        return this.#jumpWall()
      case 'idle':
        return this.#clock.advance(integerBetween(this.#random, 2_000, 8_000))
      case 'kill':
        return this.#program?.kill()
    }
  }

  /** Reads a session without messages, which must not create it. */
  #lookAtNobody(running: RunningBeamClaw): void {
    const session = running.session(nobody)
    const looks = [session.history(), session.inspect(), session.abort(), session.follow('run').accepted]
    for (const look of looks) {
      look.then(
        () => this.#trace.fail('I8', `${nobody} has answered without a message`),
        () => {},
      )
    }
  }

  #abort(running: RunningBeamClaw, session: string): void {
    const keys = this.#sender.keysOf(session)
    const named = this.#random.next() < 0.6 && keys.length > 0 ? pickOne(this.#random, keys.slice(-4)) : undefined
    this.#trace.add(`abort ${named ?? 'the run under way'} of ${session}`)
    running
      .session(session)
      .abort(named)
      .then(
        ({ runId, status }) => this.#trace.add(`aborted ${String(runId)}, which is ${status}`),
        () => {},
      )
  }

  #killBelow(running: RunningBeamClaw, branch: string): void {
    this.#trace.add(`${branch} are killed`)
    try {
      killPart(running, branch)
    } catch {
      this.#trace.add(`there are no ${branch} just now`)
    }
  }

  #jumpWall(): void {
    const ms = integerBetween(this.#random, -7_200_000, 7_200_000)
    this.#trace.add(`the wall clock jumps by ${ms} ms`)
    this.#clock.jumpWall(ms)
  }

  #subscribe(session: string, fromSeq: number, running: RunningBeamClaw): Subscriber {
    const name = `subscriber-${this.#subscribers.length + 1}`
    const subscriber = new Subscriber({ name, session, fromSeq, trace: this.#trace, history: this.#history })
    this.#subscribers.push(subscriber)
    this.#trace.add(`${name} listens to ${session} from ${fromSeq} on`)
    void this.#follow(subscriber, running)
    return subscriber
  }

  /** A subscriber whose stream broke comes back for the rest, as long as the program is up. */
  async #follow(subscriber: Subscriber, running: RunningBeamClaw): Promise<void> {
    while (!subscriber.hasLeft && this.#program?.running === running) {
      await subscriber.listen(running)
      await this.#wait(200)
    }
  }

  async #startProgram(): Promise<void> {
    const program = new SimulatedProgram({
      name: `program-${++this.#programs}`,
      clock: this.#clock,
      ids: this.#ids,
      random: seededRandom(this.#seed * 31 + 100 + this.#programs),
      store: this.#store,
      provider: this.#agent.provider(),
      trace: this.#trace,
      mailboxSize: this.#mailboxSize,
      agent: (isCurrent) => this.#agent.define(isCurrent),
    })
    this.#program = program
    this.#storm.mayHang = false
    let isStarting = true
    void program.start().finally(() => {
      isStarting = false
    })
    while (isStarting) await this.#clock.advance(10)
    this.#storm.mayHang = true
    const { running } = program
    if (running === undefined) return
    for (const subscriber of this.#subscribers) if (!subscriber.hasLeft) void this.#follow(subscriber, running)
  }

  /** No time, a few turns of the event loop, a moment, or a while: a crash must be able to hit anything. */
  async #passTime(): Promise<void> {
    const dice = this.#random.next()
    if (dice < 0.15) return
    if (dice < 0.35) for (let turns = integerBetween(this.#random, 1, 12); turns > 0; turns--) await Promise.resolve()
    else if (dice < 0.5) await breathe(integerBetween(this.#random, 1, 4))
    else await this.#clock.advance(integerBetween(this.#random, 0, this.#random.next() < 0.8 ? 60 : 800))
  }
}

function countNodes(running: RunningBeamClaw | undefined): number {
  if (running === undefined) return 0
  return ['sessions', 'tools'].reduce((sum, id) => sum + (partTree(running, id)?.children?.length ?? 0), 0)
}
