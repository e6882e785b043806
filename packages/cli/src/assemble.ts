/** From settings to a BeamClaw with its adapters. */

import {
  type AgentDefinition,
  BeamClaw,
  BeamClawError,
  defineAgent,
  type Logger,
  MemoryStore,
  type Provider,
  type RunningBeamClaw,
  type Store,
} from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { ConfigError } from './config/config-error.ts'
import type { AgentConfig, ProviderConfig } from './config/schema.ts'
import type { Settings } from './config/settings.ts'
import { ModelServices } from './model-services.ts'

/** Everything that settings name, ready to start. */
export class AssembledBeamClaw {
  readonly claw: BeamClaw
  readonly #models: ModelServices
  #settings: Settings

  private constructor(settings: Settings, providers: Readonly<Record<string, Provider>>, store: Store, logger: Logger) {
    this.#models = new ModelServices(settings, providers, store, logger)
    this.#settings = settings
    this.claw = new BeamClaw({
      providers: this.#models.providers,
      agents: toAgents(settings),
      store,
      parts: [this.#models.ledger.part()],
      sessions: settings.sessions,
      services: { logger },
    })
  }

  /** Builds everything, and touches nothing. Rejects with `ConfigError` for what only the adapters can know. */
  static async from(settings: Settings, logger: Logger): Promise<AssembledBeamClaw> {
    const store = await checked('store', () => toStore(settings.store))
    const providers: Record<string, Provider> = {}
    for (const [id, config] of Object.entries(settings.providers)) {
      providers[id] = await checked(`providers.${id}`, () => toProvider(config))
    }
    return await checked('agents', () => new AssembledBeamClaw(settings, providers, store, logger))
  }

  /** Every model that an agent names, as `<provider>/<model>`. */
  get models(): readonly string[] {
    return [...new Set(Object.values(this.#settings.agents).flatMap(({ model, fallbacks = [] }) => [model, ...fallbacks]))]
  }

  /** Takes over agents, prices and limits while it runs. Throws `invalid-option` or `invalid-id`, and changes nothing then. */
  update(settings: Settings, running: RunningBeamClaw): void {
    running.updateAgents(toAgents(settings))
    this.#models.update(settings)
    this.#settings = settings
  }
}

function toAgents({ agents }: Settings): readonly AgentDefinition[] {
  return Object.entries(agents).map(([id, agent]) => toAgent(id, agent))
}

function toAgent(id: string, { fallbacks: _, ...agent }: AgentConfig): AgentDefinition {
  return defineAgent({ id, ...agent })
}

function toStore(store: Settings['store']): Store {
  if (store.type === 'memory') return new MemoryStore()
  const { type: _, path = '', ...options } = store
  return new FsStore({ path, ...options })
}

/** The adapter for a provider; only those that are used are loaded. Rejects `invalid-option`. */
export async function toProvider(config: ProviderConfig): Promise<Provider> {
  if (config.type === 'demo') {
    const { type: _, ...options } = config
    return new (await import('@beamclaw/providers/demo')).DemoProvider(options)
  }
  const { apiKey, baseUrl } = config
  const options = { ...(apiKey === undefined ? {} : { apiKey }), ...(baseUrl === undefined ? {} : { baseUrl }) }
  if (config.type === 'openai') return new (await import('@beamclaw/providers/openai')).OpenAiProvider(options)
  return new (await import('@beamclaw/providers/anthropic')).AnthropicProvider({ ...options, apiKey: config.apiKey })
}

/** Turns what an adapter finds fault with into a problem of the configuration. */
async function checked<T>(path: string, make: () => T | Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    if (BeamClawError.isInstance(error)) throw new ConfigError([`${path}: ${error.message}`])
    throw error
  }
}
