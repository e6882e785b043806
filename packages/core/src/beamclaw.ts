/** Assembles the supervision tree of a BeamClaw; each port has a default. */
import { type EventBus, LocalEventBus, Supervisor, type SystemServices, systemServices } from '@beamclaw/actor'
import { anArray, anObject, checkOptions, oneOf, readOptions } from '@beamclaw/actor/internal'
import type { AgentDefinition, AgentOptions } from './agent/agent.ts'
import { readAgents } from './agent/agent-list.ts'
import { BeamClawError, ChildStartError } from './base/errors.ts'
import type { RunEvent } from './base/events.ts'
import { defaultTenant, parseTenantId, type TenantId } from './base/ids.ts'
import { MemoryStore } from './defaults/memory-store.ts'
import { SoloCluster } from './defaults/solo-cluster.ts'
import { checkParts, type Part } from './part/part.ts'
import { partsBranch } from './part/parts-branch.ts'
import type { Cluster } from './ports/cluster.ts'
import type { Provider } from './ports/provider.ts'
import type { Store } from './ports/store.ts'
import { ProviderTable } from './provider/provider-table.ts'
import { RunningBeamClaw } from './running-beamclaw.ts'
import type { ResumeMode } from './session/activity/activity-log-options.ts'
import { EventListeners } from './session/event-listeners.ts'
import { EventLoopTurns } from './session/run/event-loop-turns.ts'
import { SuspectLine } from './session/run/suspect-line.ts'
import { checkSessionDefaults, type SessionDefaults, sessionDefaults } from './session/session-dependencies.ts'
import type { NodePhase } from './session/session-router.ts'
import { activityPartId, Tenant, type TenantNode } from './tenant/tenant.ts'

/** Options of a `BeamClaw`. */
export interface BeamClawOptions {
  /** Providers by id, with which model names begin: 1 to 64 characters without `/` and white space. */
  readonly providers: Readonly<Record<string, Provider>>
  /**
   * Results or options of `defineAgent`; the first one is the default agent. May be empty where the agents come later, by `updateAgents`: until then
   * each message is refused with `unknown-agent`.
   */
  readonly agents: readonly (AgentDefinition | AgentOptions)[]
  /** @default new MemoryStore() */
  readonly store?: Store
  /** @default new SoloCluster() */
  readonly cluster?: Cluster
  /** @default new LocalEventBus() */
  readonly events?: EventBus<RunEvent>
  /** Defaults of all sessions: queue mode, limits, passivation. */
  readonly sessions?: Partial<SessionDefaults>
  /** Subsystems of the host application, started in this order in each tenant. @default none */
  readonly parts?: readonly Part[]
  /** Ids of the tenants, the default one first. They share agents, ports and the process, but no data. @default ['default'] */
  readonly tenants?: readonly string[]
  /**
   * When sessions continue that an earlier process left in the middle of a run: `now`, at the start, or `on-demand`, each on its first use
   * (any method of its handle but `exists`), and all with `running.resume()`. `on-demand` is for hosts that start a BeamClaw only to inspect it.
   * @default 'now'
   */
  readonly resume?: ResumeMode
  /** Clock, logger, ids, randomness and telemetry. @default the machine's own */
  readonly services?: Partial<SystemServices>
}

/** The checked options of a BeamClaw. */
interface CheckedOptions extends Omit<BeamClawOptions, 'agents' | 'providers'> {
  readonly agents: readonly AgentDefinition[]
  readonly providers: ProviderTable
}

/**
 * A supervised system of agents and sessions; `start()` starts it. The constructor throws `invalid-option`, also for an agent whose model names
 * a provider that is not configured; `invalid-id` or `duplicate-child-id`.
 *
 * @example
 * const claw = new BeamClaw({ providers: { demo: new DemoProvider() }, agents: [{ id: 'main', model: 'demo/echo' }] })
 * await using running = await claw.start()
 */
export class BeamClaw {
  readonly #options: CheckedOptions
  readonly #tenants: readonly TenantId[]
  #isUp = false

  constructor(given: BeamClawOptions) {
    const options = readOptions('BeamClaw', given)
    checkOptions<BeamClawOptions>(
      'BeamClaw',
      options,
      {
        providers: anObject,
        agents: anArray,
        store: anObject,
        cluster: anObject,
        events: anObject,
        sessions: anObject,
        parts: anArray,
        tenants: anArray,
        resume: oneOf('now', 'on-demand'),
        services: anObject,
      },
      ['providers', 'agents'],
    )
    const providers = new ProviderTable(options.providers)
    const agents = readAgents('BeamClaw', options.agents, providers)
    checkSessionDefaults(options.sessions ?? {})
    checkParts(options.parts ?? [])
    this.#tenants = tenantIds(options.tenants)
    this.#options = { ...options, agents, providers }
  }

  /** The agents of the options, the default one first. */
  get agents(): readonly AgentDefinition[] {
    return this.#options.agents
  }

  /**
   * Starts the tree. Rejects with `ChildStartError` when a part fails to start, and `actor-already-started` while the tree of an earlier call
   * runs: two trees over one store would take the sessions from each other.
   */
  async start(): Promise<RunningBeamClaw> {
    if (this.#isUp) throw new BeamClawError('actor-already-started', 'This BeamClaw is started; stop what runs first, or make another one')
    this.#isUp = true
    try {
      const running = await this.#start()
      void running.ended.then(() => {
        this.#isUp = false
      })
      return running
    } catch (error) {
      this.#isUp = false
      throw error
    }
  }

  async #start(): Promise<RunningBeamClaw> {
    const services = systemServices(this.#options.services)
    const { providers, store = new MemoryStore(), cluster = new SoloCluster(), events = new LocalEventBus<RunEvent>() } = this.#options
    const agents = new Map(this.#options.agents.map((agent) => [agent.id, agent]))
    const phase = { value: 'running' as NodePhase }
    const listeners = new EventListeners(services.logger)
    const node: TenantNode = {
      store,
      cluster,
      events,
      listeners,
      services,
      agents,
      providers,
      suspects: new SuspectLine(services.clock),
      turns: new EventLoopTurns(services.clock),
      sessionDefaults: { ...sessionDefaults, ...this.#options.sessions },
      parts: this.#options.parts ?? [],
      resume: this.#options.resume ?? 'now',
      phase: () => phase.value,
      // Without a store nothing is durable any more, so the whole tree ends.
      onLost: ({ code, message }) => {
        services.logger.log('error', 'beamclaw.store-lost', { code, error: message })
        // Callers get the store's error before the tree ends.
        services.clock.setTimer(() => void root.stop(), 0)
      },
    }
    const tenants = this.#tenants.map((id) => new Tenant(id, node))
    const root = new Supervisor({
      id: 'beamclaw',
      children: [
        ...partsBranch(
          node.parts.filter(({ level }) => level === 'node'),
          tenants[0]?.host(),
        ),
        { id: 'tenants', type: 'supervisor', start: () => new Supervisor({ id: 'tenants', children: tenants.map((one) => one.spec()) }) },
      ],
    })
    try {
      await root.start(services)
    } catch (error) {
      throw startFailure(error)
    }
    const { turns } = node
    return new RunningBeamClaw({ root, tenants, agents, providers, phase, store, events, listeners, cluster, services, turns })
  }
}

/** Throws `invalid-option` or `invalid-id`. */
function tenantIds(given: readonly string[] = [defaultTenant]): readonly TenantId[] {
  const ids = [...new Set(given.map(parseTenantId))]
  if (ids.length === 0) throw new BeamClawError('invalid-option', 'BeamClaw: option "tenants" must name at least one tenant, received none')
  return ids
}

/** Returns the error for callers of `start`: an error of the store itself, instead of the `ChildStartError` around it. */
function startFailure(error: unknown): unknown {
  if (!(error instanceof ChildStartError)) return error
  if (error.childId === activityPartId) return error.cause
  const inner = startFailure(error.cause)
  return inner instanceof ChildStartError || error.cause !== inner ? inner : error
}
