/** One node of a simulated cluster over all of its lives: it is started, frozen, drained, killed, and started again. */
import {
  type AgentDefinition,
  BeamClaw,
  type Clock,
  type IdGenerator,
  type Logger,
  type Provider,
  type Random,
  type RunEvent,
  type RunningBeamClaw,
  type Store,
} from '@beamclaw/core'
import type { MemoryCluster } from '../../cluster/memory-cluster.ts'
import type { MemoryNetwork } from '../../cluster/memory-network.ts'
import { CountingEventBus } from '../counting-event-bus.ts'
import type { Trace } from '../trace.ts'
import type { VirtualClock } from '../virtual-clock.ts'
import { nodeStore } from './node-store.ts'

export interface SimulatedNodeOptions {
  readonly id: string
  readonly network: MemoryNetwork
  readonly clock: VirtualClock
  readonly ids: IdGenerator
  readonly random: (life: number) => Random
  /** As this node reaches it, with its faults. */
  readonly store: Store
  readonly trace: Trace
  readonly mailboxSize: number
  readonly passivateAfterMs: number
  readonly agent: (isCurrent: () => boolean, clock: Clock) => AgentDefinition
  readonly provider: (clock: Clock) => Provider
  /** Called when a life has ended; `isOwn` when it was neither killed nor stopped. */
  readonly onEnd: (node: SimulatedNode, isOwn: boolean) => void
}

/** One life, from its start to its end. */
class NodeLife {
  readonly name: string
  readonly cluster: MemoryCluster
  readonly events = new CountingEventBus<RunEvent>()
  running: RunningBeamClaw | undefined
  isDead = false
  readonly ended = Promise.withResolvers<void>()
  #freeze: PromiseWithResolvers<void> | undefined

  constructor(name: string, cluster: MemoryCluster) {
    this.name = name
    this.cluster = cluster
  }

  get thawed(): Promise<void> | undefined {
    return this.#freeze?.promise
  }

  freeze(): void {
    this.#freeze ??= Promise.withResolvers()
  }

  thaw(): void {
    this.#freeze?.resolve()
    this.#freeze = undefined
  }
}

/** Phases: `down → starting → up → leaving → down`, and `down` from each by a kill or an end of its own; each but `down` can be frozen. */
export class SimulatedNode {
  readonly id: string
  /** True once its present life may end by itself. */
  mayEnd = false
  readonly #options: SimulatedNodeOptions
  #phase: 'down' | 'starting' | 'up' | 'leaving' = 'down'
  #life: NodeLife | undefined
  #lives = 0

  constructor(options: SimulatedNodeOptions) {
    this.id = options.id
    this.#options = options
  }

  get phase(): 'down' | 'starting' | 'up' | 'leaving' {
    return this.#phase
  }

  get isFrozen(): boolean {
    return this.#life?.thawed !== undefined
  }

  get lives(): number {
    return this.#lives
  }

  /** What clients can call; undefined while it is down, starting or frozen. */
  get running(): RunningBeamClaw | undefined {
    return this.#phase === 'down' || this.isFrozen ? undefined : this.#life?.running
  }

  /** Resolves when its present life ends: the clients that are connected to it see that. */
  get ended(): Promise<void> {
    return this.#life?.ended.promise ?? Promise.resolve()
  }

  get cluster(): MemoryCluster | undefined {
    return this.#phase === 'down' ? undefined : this.#life?.cluster
  }

  /** The name of its life as the owner of timers. */
  get owner(): string {
    return `${this.id}.${this.#lives}`
  }

  get openTopics(): readonly string[] {
    return this.#life?.events.open ?? []
  }

  /** Begins a life. Resolves once it is up or has failed. */
  async start(): Promise<void> {
    if (this.#phase !== 'down') return
    const { network, clock, ids, random, store, trace, mailboxSize, passivateAfterMs, agent, provider, onEnd } = this.#options
    this.#lives++
    this.mayEnd = false
    const own = clock.clockOf(this.owner)
    const life = new NodeLife(this.owner, network.restart(this.id, { clock: own }))
    this.#life = life
    this.#phase = 'starting'
    trace.add(`${life.name} starts`)
    try {
      const running = await new BeamClaw({
        providers: { simulated: provider(own) },
        agents: [agent(() => !life.isDead && life.thawed === undefined, own)],
        store: nodeStore(store, life),
        cluster: life.cluster,
        events: life.events,
        sessions: { passivateAfterMs, mailboxSize },
        services: { clock: own, ids, random: random(this.#lives), logger: this.#logger(life) },
      }).start()
      if (life.isDead) return running.kill()
      life.running = running
      this.#phase = 'up'
      trace.add(`${life.name} is up`)
      running.ended.then(() => {
        const isOwn = !life.isDead && this.#phase === 'up'
        if (isOwn) trace.add(`${life.name} ends by itself`)
        this.#end(life)
        onEnd(this, isOwn)
      })
    } catch (error) {
      if (!life.isDead) trace.add(`${life.name} did not start: ${String(error).slice(0, 80)}`)
      this.#end(life)
    }
  }

  /** Ends it as a crash would. */
  kill(): void {
    const life = this.#life
    if (life === undefined || this.#phase === 'down') return
    this.#options.trace.add(`${life.name} is killed`)
    this.#end(life)
  }

  /** Nothing is sent by a process that dies, so its network ends first. */
  #end(life: NodeLife): void {
    if (life.isDead) return
    life.isDead = true
    life.cluster.kill()
    life.running?.kill()
    this.#options.clock.thaw(life.name)
    life.thaw()
    void life.events.stop()
    life.ended.resolve()
    if (this.#life === life) this.#phase = 'down'
  }

  freeze(): void {
    const life = this.#life
    if (life === undefined || this.#phase === 'down' || this.isFrozen) return
    this.#options.trace.add(`${life.name} freezes`)
    this.#options.clock.freeze(life.name)
    life.cluster.freeze()
    life.freeze()
  }

  thaw(): void {
    const life = this.#life
    if (life === undefined || !this.isFrozen) return
    this.#options.trace.add(`${life.name} thaws`)
    this.#options.clock.thaw(life.name)
    life.cluster.thaw()
    life.thaw()
  }

  /** Hands its sessions over, and stops. Resolves once it is down. */
  async leave(stepMs: number): Promise<void> {
    const life = this.#life
    const running = life?.running
    if (life === undefined || running === undefined || this.#phase !== 'up') return
    this.#phase = 'leaving'
    this.#options.trace.add(`${life.name} drains`)
    await running.drain({ stepMs })
    if (!life.isDead) this.#options.trace.add(`${life.name} stops`)
    const problem = await running.stop().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (!life.isDead) this.#options.trace.add(`${life.name} has stopped${problem === undefined ? '' : `: ${String(problem).slice(0, 80)}`}`)
    this.#end(life)
  }

  #logger(life: NodeLife): Logger {
    const { trace } = this.#options
    return {
      log: (level, event, fields = {}) => {
        if (life.isDead) return
        const { session = '', code = '', error = '' } = fields
        if (level !== 'debug') trace.add(`  ${life.name} says ${event} ${session} ${code} ${error}`.slice(0, 200))
        if (code === 'log-corrupt') trace.fail('I2', `the journal of ${session} cannot be read: ${error}`)
      },
    }
  }
}
