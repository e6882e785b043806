/** One BeamClaw of a simulation, from its start to its end: the program that is killed and started again over the same store. */
import {
  type AgentDefinition,
  BeamClaw,
  type IdGenerator,
  type Logger,
  type Provider,
  type Random,
  type RunEvent,
  type RunningBeamClaw,
  SoloCluster,
  type Store,
} from '@beamclaw/core'
import { CountingEventBus } from './counting-event-bus.ts'
import type { Trace } from './trace.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface SimulatedProgramOptions {
  readonly name: string
  readonly clock: VirtualClock
  readonly ids: IdGenerator
  readonly random: Random
  readonly store: Store
  readonly provider: Provider
  readonly trace: Trace
  readonly mailboxSize: number
  readonly agent: (isCurrent: () => boolean) => AgentDefinition
}

export class SimulatedProgram {
  readonly name: string
  readonly events = new CountingEventBus<RunEvent>()
  readonly #options: SimulatedProgramOptions
  #running: RunningBeamClaw | undefined
  #isDead = false

  constructor(options: SimulatedProgramOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Undefined before it is up and after its end. */
  get running(): RunningBeamClaw | undefined {
    return this.#isDead ? undefined : this.#running
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Resolves with whether it came up. */
  async start(): Promise<boolean> {
    const { name, clock, ids, random, store, provider, trace, mailboxSize, agent } = this.#options
    const own = clock.clockOf(name)
    trace.add(`${name} starts`)
    try {
      this.#running = await new BeamClaw({
        providers: { simulated: provider },
        agents: [agent(() => !this.#isDead)],
        store,
        cluster: new SoloCluster({ ids, now: () => own.now() }),
        events: this.events,
        sessions: { passivateAfterMs: 2_000, mailboxSize },
        services: { clock: own, ids, random, logger: this.#logger() },
      }).start()
      trace.add(`${name} is up`)
      this.#running.ended.then(() => {
        if (!this.#isDead) trace.add(`${name} ends by itself`)
        this.#isDead = true
      })
      return true
    } catch (error) {
      trace.add(`${name} did not start: ${String(error).slice(0, 80)}`)
      this.#isDead = true
      return false
    }
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.#options.trace.add(`${this.name} is killed`)
    this.#isDead = true
    this.#running?.kill()
    await this.events.stop()
  }

  #logger(): Logger {
    const { trace } = this.#options
    return {
      log: (level, event, fields = {}) => {
        const { session = '', code = '', error = '' } = fields
        if (level !== 'debug') trace.add(`  ${this.name} says ${event} ${session} ${code} ${error}`.slice(0, 200))
        if (code === 'log-corrupt') trace.fail('I2', `the journal of ${session} cannot be read: ${error}`)
      },
    }
  }
}
