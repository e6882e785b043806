/** From a configuration to a BeamClaw with its adapters. */
import {
  type AgentDefinition,
  BeamClaw,
  BeamClawError,
  defineAgent,
  type Logger,
  MemoryStore,
  type Provider,
  type Store,
} from '@beamclaw/core'
import { AnthropicProvider, DemoProvider, OpenAiProvider } from '@beamclaw/providers'
import { FsStore } from '@beamclaw/store-fs'
import { ConfigError } from './config/config-error.ts'
import type { Config, ProviderConfig } from './config/schema.ts'
import { withFaultPoint } from './fault-points.ts'

/** What the environment offers when the file names no provider. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Fills in what a configuration leaves out: the provider whose key is set, else the embedded demo, and one agent called `main`. */
export function withDefaults(config: Config, environment: Environment): Config {
  const providers = config.providers ?? defaultProviders(environment)
  const [first] = Object.keys(providers)
  return { ...config, providers, agents: config.agents ?? { main: { model: defaultModels[first ?? 'demo'] ?? 'demo/demo-1' } } }
}

const defaultModels: Readonly<Record<string, string>> = {
  anthropic: 'anthropic/claude-sonnet-5',
  openai: 'openai/gpt-5',
  demo: 'demo/demo-1',
}

function defaultProviders(environment: Environment): Record<string, ProviderConfig> {
  const { ANTHROPIC_API_KEY: anthropic, OPENAI_API_KEY: openai } = environment
  return {
    ...(anthropic ? { anthropic: { type: 'anthropic' as const, apiKey: anthropic } } : {}),
    ...(openai ? { openai: { type: 'openai' as const, apiKey: openai } } : {}),
    demo: { type: 'demo' as const },
  }
}

/** Builds everything a configuration names. Throws `ConfigError` for what only the adapters can know. */
export function wire(config: Config, dataDirectory: string, logger: Logger): BeamClaw {
  const providers = Object.fromEntries(Object.entries(config.providers ?? {}).map(([id, provider]) => [id, toProvider(provider)]))
  const agents = Object.entries(config.agents ?? {}).map(([id, agent]) => checked(`agents.${id}`, () => toAgent(id, agent)))
  const store = checked('store', () => withFaultPoint(toStore(config, dataDirectory), process.env))
  return new BeamClaw({ providers, agents, store, ambient: { logger } })
}

function toAgent(id: string, { model, system, maxTurns }: NonNullable<Config['agents']>[string]): AgentDefinition {
  return defineAgent({ id, model, ...(system === undefined ? {} : { system }), ...(maxTurns === undefined ? {} : { maxTurns }) })
}

function toStore({ store }: Config, dataDirectory: string): Store {
  if (store?.type === 'memory') return new MemoryStore()
  return new FsStore({ path: store?.path ?? dataDirectory, ...(store?.sync === undefined ? {} : { sync: store.sync }) })
}

function toProvider(config: ProviderConfig): Provider {
  if (config.type === 'demo') return new DemoProvider()
  const options = {
    ...(config.apiKey === undefined ? {} : { apiKey: config.apiKey }),
    ...(config.baseUrl === undefined ? {} : { baseUrl: config.baseUrl }),
  }
  return config.type === 'openai' ? new OpenAiProvider(options) : new AnthropicProvider({ ...options, apiKey: config.apiKey })
}

function checked<T>(path: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (BeamClawError.isInstance(error)) throw new ConfigError([`${path}: ${error.message}`])
    throw error
  }
}
