/** Assembles a BeamClaw and its adapters from settings. */

import {
  type AgentDefinition,
  BeamClaw,
  BeamClawError,
  type Cluster,
  defineAgent,
  type Logger,
  type ProcessTable,
  type Provider,
  type RunningBeamClaw,
  type Store,
  type SubAgents,
  SystemClock,
} from '@beamclaw/core'
import { adapterProblem } from './config/adapter-problem.ts'
import { ConfigError } from './config/config-error.ts'
import { placesIn } from './config/load.ts'
import type { ProviderConfig } from './config/schema.ts'
import type { Settings } from './config/settings.ts'
import { ConfiguredSkills } from './configured-skills.ts'
import { configuredStore } from './configured-store.ts'
import { ConfiguredTools } from './configured-tools.ts'
import { LateServers } from './late-servers.ts'
import { ModelServices } from './model-services.ts'

interface Adapters {
  readonly providers: Readonly<Record<string, Provider>>
  readonly tools: ConfiguredTools
  readonly skills: ConfiguredSkills
  /** Servers of MCP that were not there. */
  readonly late: readonly string[]
  readonly store: Store
  readonly cluster: Cluster | undefined
  readonly orphaned: Promise<void> | undefined
}

/** A BeamClaw and its adapters, ready to start. */
export class AssembledBeamClaw {
  readonly claw: BeamClaw
  readonly #store: Store
  readonly #cluster: Cluster | undefined
  /** Resolves when the parent of this worker has ended; undefined for a gateway that is no worker. */
  readonly orphaned: Promise<void> | undefined
  readonly #models: ModelServices
  #settings: Settings

  readonly #tools: ConfiguredTools
  readonly #skills: ConfiguredSkills
  readonly #late: readonly string[]

  private constructor(settings: Settings, { providers, tools, skills, late, store, cluster, orphaned }: Adapters, logger: Logger) {
    this.#store = store
    this.#cluster = cluster
    this.orphaned = orphaned
    this.#tools = tools
    this.#skills = skills
    this.#late = late
    this.#models = new ModelServices(settings, providers, store, logger)
    this.#settings = settings
    this.claw = new BeamClaw({
      providers: this.#models.providers,
      agents: toAgents(settings, tools, skills),
      store,
      ...(cluster === undefined ? {} : { cluster }),
      parts: [this.#models.ledger.part(), ...tools.parts],
      ...(settings.askMode === undefined ? {} : { approvals: { askMode: settings.askMode } }),
      sessions: settings.sessions,
      services: { logger },
    })
  }

  /**
   * Constructs everything, without side effects unless `connects`: then servers of MCP are asked for their tools. Rejects with `ConfigError` for options that an
   * adapter refuses; `file` is where the settings come from.
   */
  static async from(settings: Settings, logger: Logger, file?: string, connects = false): Promise<AssembledBeamClaw> {
    const checked = async <T>(path: readonly string[], section: object, make: () => T | Promise<T>): Promise<T> => {
      try {
        return await make()
      } catch (error) {
        if (!BeamClawError.isInstance(error)) throw error
        const problem = adapterProblem(path, section, error)
        const named = problem.path.join('.')
        const place = settings.variables[named] ?? (file === undefined ? named : placesIn(file)(problem.path))
        throw new ConfigError([`${place}: ${problem.text}`])
      }
    }
    const { store, cluster, orphaned } = await checked([], settings, () => configuredStore(settings, logger))
    const providers: Record<string, Provider> = {}
    for (const [id, config] of Object.entries(settings.providers)) {
      providers[id] = await checked(['providers', id], config, () => toProvider(config))
    }
    let assembled: AssembledBeamClaw | undefined
    const tools = await checked(['tools'], settings.tools, () =>
      ConfiguredTools.from(settings, logger, () => (assembled === undefined ? settings : assembled.#settings).agents),
    )
    // A server that is not there costs its own tools; the log says so.
    const reports = connects ? await tools.mcp?.discover() : undefined
    const late = reports?.flatMap(({ isReady, server }) => (isReady ? [] : [server])) ?? []
    if (connects) await tools.logUnavailable(settings, logger)
    for (const [id, agent] of Object.entries(settings.agents)) await checked(['agents', id], agent, () => tools.of(agent))
    const skills = await checked(['skills'], settings.skills, () => ConfiguredSkills.from(settings, logger))
    assembled = await checked(
      ['agents'],
      {},
      () => new AssembledBeamClaw(settings, { providers, tools, skills, late, store, cluster, orphaned }, logger),
    )
    return assembled
  }

  /** Ends the connections of a BeamClaw that did not start. */
  async release(): Promise<void> {
    await Promise.allSettled([this.#cluster?.stop(), this.#store.stop()])
  }

  /** The models of all agents, as `<provider>/<model>`. */
  get models(): readonly string[] {
    return [...new Set(Object.values(this.#settings.agents).flatMap(({ model, fallbacks = [] }) => [model, ...fallbacks]))]
  }

  /** The background processes of tools. */
  get processes(): ProcessTable | undefined {
    return this.#tools.processes
  }

  /** The agents that others have started in the background. */
  get subAgents(): SubAgents {
    return this.#tools.subAgents
  }

  /** Gives agents the tools that servers of MCP have from now on, and asks those again that were not there. Returns a function that ends this. */
  followTools(running: RunningBeamClaw): () => void {
    const { mcp } = this.#tools
    if (mcp === undefined) return () => {}
    const unfollow = mcp.onToolsChanged(() => running.updateAgents(toAgents(this.#settings, this.#tools, this.#skills)))
    const late = new LateServers(mcp, this.#late, new SystemClock())
    late.start()
    return () => {
      late.stop()
      unfollow()
    }
  }

  /** Applies agents, prices and limits at run time. Throws `invalid-option` or `invalid-id`, and then changes nothing. */
  update(settings: Settings, running: RunningBeamClaw): void {
    running.updateAgents(toAgents(settings, this.#tools, this.#skills))
    this.#models.update(settings)
    this.#settings = settings
  }

  /** Gives agents the skills of their folders as these change, from their next run on. Returns a function that ends this. */
  watchSkills(running: RunningBeamClaw): () => void {
    return this.#skills.watch(() => running.updateAgents(toAgents(this.#settings, this.#tools, this.#skills)))
  }
}

function toAgents({ agents }: Settings, tools: ConfiguredTools, skills: ConfiguredSkills): readonly AgentDefinition[] {
  return Object.entries(agents).map(([id, { fallbacks: _, tools: groups = [], subAgents = [], skills: names, ...agent }]) =>
    defineAgent(skills.agent({ id, ...agent, tools: tools.of({ tools: groups, subAgents }) }, names)),
  )
}

/** Resolves with the adapter for a provider; imports it on demand. Rejects `invalid-option`. */
export async function toProvider(config: ProviderConfig): Promise<Provider> {
  if (config.type === 'demo') {
    const { type: _, ...options } = config
    return new (await import('@beamclaw/providers/demo')).DemoProvider(options)
  }
  // The configuration says all: what it leaves out is not read from the environment behind its back. Proxies belong to the machine.
  const environment = proxyVariables(process.env)
  if (config.type === 'anthropic') {
    const { type: _, maxConcurrent: _1, requestsPerMinute: _2, tokensPerMinute: _3, ...options } = config
    return new (await import('@beamclaw/providers/anthropic')).AnthropicProvider({ environment, ...options })
  }
  const { type: _, maxConcurrent: _1, requestsPerMinute: _2, tokensPerMinute: _3, ...options } = config
  return new (await import('@beamclaw/providers/openai')).OpenAiProvider({ environment, ...options })
}

const proxyNames = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY', 'no_proxy', 'NO_PROXY']

/** Returns the variables of the environment that name proxies. */
function proxyVariables(environment: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(proxyNames.map((name) => [name, environment[name]]))
}
