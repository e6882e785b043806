/** The settings of a gateway: flags take precedence over the environment, that over the file, that over defaults. */
import type { AskMode } from '@beamclaw/core'
import { ConfigError } from './config-error.ts'
import type { Environment } from './load.ts'
import { nearestName } from './nearest-name.ts'
import { numberFlag } from './number-flag.ts'
import {
  type AgentConfig,
  type AuthConfig,
  type BudgetConfig,
  type Config,
  mostWorkers,
  type PriceConfig,
  type ProviderConfig,
  type ToolsConfig,
} from './schema.ts'
import { storeProblems, storeSettings } from './store-settings.ts'

/** Flags, which take precedence over all other sources. */
export interface SettingsFlags {
  readonly host?: string
  readonly port?: string
  readonly dataDir?: string
  /** Worker processes: a number, or `auto`. */
  readonly workers?: string
  /** Seconds to wait for a process that owns the data directory. */
  readonly lockWait?: string
}

export interface Settings {
  readonly host: string
  readonly port: number
  readonly auth: AuthConfig
  readonly allowedOrigins: readonly string[]
  readonly allowedHosts: readonly string[]
  /** Milliseconds that runs may continue after the signal to stop. */
  readonly drainMs: number
  readonly store: NonNullable<Config['store']>
  /** How this gateway takes part in the cluster of those over the same Redis. */
  readonly cluster: NonNullable<Config['cluster']>
  /** The variables of the environment that gave a value, by its path in a file: problems name them. */
  readonly variables: Readonly<Record<string, string>>
  /** Worker processes over the data directory; undefined for a single process. */
  readonly workers: number | 'auto' | undefined
  readonly providers: Readonly<Record<string, ProviderConfig>>
  readonly prices: Readonly<Record<string, PriceConfig>>
  readonly budgets: Readonly<Record<string, BudgetConfig>>
  /** The first one is the default agent. */
  readonly agents: Readonly<Record<string, AgentConfig>>
  readonly sessions: NonNullable<Config['sessions']>
  readonly tools: ToolsConfig
  readonly askMode: AskMode | undefined
  readonly skills: NonNullable<Config['skills']>
}

/** Defaults for the settings. */
export const settingDefaults = {
  host: '127.0.0.1',
  port: 4000,
  drainMs: 25_000,
} as const

const defaultModels = { anthropic: 'claude-sonnet-5', openai: 'gpt-5', demo: 'demo-1' } as const

const loopback = new Set(['127.0.0.1', '::1', '[::1]', 'localhost'])

/** Returns the settings of all sources, and checks them together. Throws `ConfigError`; each problem begins with `name`. */
export function settingsFrom(
  config: Config,
  { environment, flags = {}, name = 'configuration' }: { environment: Environment; flags?: SettingsFlags; name?: string },
): Settings {
  const { gateway = {}, prices = {}, budgets = {}, sessions = {} } = config
  const providers = config.providers ?? defaultProviders(environment)
  const token = tokenFrom(environment)
  const drainMs = numberFlag('BEAMCLAW_DRAIN_MS', environment.BEAMCLAW_DRAIN_MS, 3_600_000)
  const settings: Settings = {
    host: flags.host ?? environment.BEAMCLAW_HOST ?? gateway.host ?? settingDefaults.host,
    port:
      numberFlag('--port', flags.port, 65_535) ??
      numberFlag('BEAMCLAW_PORT', environment.BEAMCLAW_PORT, 65_535) ??
      gateway.port ??
      settingDefaults.port,
    auth: token === undefined ? (gateway.auth ?? { mode: 'none' }) : { mode: 'token', token },
    allowedOrigins: gateway.allowedOrigins ?? [],
    allowedHosts: gateway.allowedHosts ?? [],
    drainMs: drainMs ?? gateway.drainMs ?? settingDefaults.drainMs,
    ...storeSettings(config, environment, flags),
    workers: workersFrom(config, flags),
    providers,
    prices,
    budgets,
    agents: config.agents ?? defaultAgents(providers, name),
    sessions,
    tools: config.tools ?? {},
    askMode: config.askMode,
    skills: config.skills ?? { folders: [] },
  }
  const problems = [
    ...unreachable(settings),
    ...storeProblems(settings, config),
    ...unknownProviders(settings),
    ...unequalFallbacks(settings),
    ...idleBudgets(settings),
    ...unknownSubAgents(settings),
  ]
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${name}: ${problem}`))
  return settings
}

function tokenFrom({ BEAMCLAW_GATEWAY_TOKEN: token }: Environment): string | undefined {
  if (token === undefined || token === '') return undefined
  if (/^[\x21-\x7e]{8,512}$/.test(token)) return token
  throw new ConfigError(['BEAMCLAW_GATEWAY_TOKEN: expected a token of 8 to 512 printable characters'])
}

/** Milliseconds per word of the demo model: slow enough to watch, and to kill the gateway during an answer. */
const humanPaceMs = 25

function defaultProviders({ ANTHROPIC_API_KEY: anthropic, OPENAI_API_KEY: openai }: Environment): Record<string, ProviderConfig> {
  return {
    ...(anthropic ? { anthropic: { type: 'anthropic' as const, apiKey: anthropic } } : {}),
    ...(openai ? { openai: { type: 'openai' as const, apiKey: openai } } : {}),
    demo: { type: 'demo' as const, delayMs: humanPaceMs },
  }
}

function defaultAgents(providers: Settings['providers'], name: string): Settings['agents'] {
  const known = Object.entries(providers).find(([, { type, ...rest }]) => type !== 'openai' || !('baseUrl' in rest || 'dialect' in rest))
  if (known !== undefined) {
    const [id, { type }] = known
    // The demo model runs what it is told to, after asking: for a first look.
    return { main: { model: `${id}/${defaultModels[type]}`, ...(type === 'demo' ? { tools: ['exec' as const] } : {}) } }
  }
  throw new ConfigError([`${name}: agents: expected at least one with its model, for the models of the providers are not known`])
}

function workersFrom({ workers }: Config, flags: SettingsFlags): Settings['workers'] {
  if (flags.workers === undefined) return workers
  const count = flags.workers === 'auto' ? 'auto' : Number(flags.workers)
  if (count === 'auto' || (/^\d{1,3}$/.test(flags.workers) && count >= 1 && count <= mostWorkers)) return count
  throw new ConfigError([`--workers: expected a whole number from 1 to ${mostWorkers}, or auto`])
}

function unreachable({ host, auth }: Settings): readonly string[] {
  if (auth.mode === 'token' || loopback.has(host)) return []
  return [`gateway.auth: expected mode "token", because others can reach the host "${host}"`]
}

function unknownProviders({ providers, agents }: Settings): readonly string[] {
  const known = Object.keys(providers)
  if (Object.keys(agents).length === 0) return ['agents: expected at least one']
  return Object.entries(agents).flatMap(([id, { model, fallbacks = [] }]) =>
    [[`agents.${id}.model`, model] as const, ...fallbacks.map((one, index) => [`agents.${id}.fallbacks.${index}`, one] as const)].flatMap(
      ([path, named]) => unknownName(path, 'provider', providerOf(named), known),
    ),
  )
}

/** Returns a problem when agents with one model have different fallbacks: fallbacks are configured per model. */
function unequalFallbacks({ agents }: Settings): readonly string[] {
  const first = new Map<string, { readonly id: string; readonly list: string }>()
  return Object.entries(agents).flatMap(([id, { model, fallbacks = [] }]) => {
    const list = JSON.stringify(fallbacks)
    const known = first.get(model)
    if (known === undefined) first.set(model, { id, list })
    if (known === undefined || known.list === list) return []
    return [`agents.${id}.fallbacks: agent "${known.id}" has the same model with others; give the provider a second name to keep both`]
  })
}

/** Returns the problems of budgets: one without a limit, or for an unknown name, would silently have no effect. */
function idleBudgets({ budgets, providers, agents }: Settings): readonly string[] {
  return Object.entries(budgets).flatMap(([id, { provider, agent, maxCostUsd, maxTokens, maxRequests }]) => [
    ...(maxCostUsd === undefined && maxTokens === undefined && maxRequests === undefined
      ? [`budgets.${id}: expected at least one of maxCostUsd, maxTokens, maxRequests`]
      : []),
    ...unknownName(`budgets.${id}.provider`, 'provider', provider, Object.keys(providers)),
    ...unknownName(`budgets.${id}.agent`, 'agent', agent, Object.keys(agents)),
  ])
}

function unknownName(path: string, kind: string, name: string | undefined, known: readonly string[]): readonly string[] {
  if (name === undefined || known.includes(name)) return []
  const nearest = nearestName(name, known)
  const hint = nearest === undefined ? `known are ${known.join(', ')}` : `did you mean "${nearest}"?`
  return [`${path}: there is no ${kind} "${name.slice(0, 64)}"; ${hint}`]
}

function unknownSubAgents({ agents }: Settings): readonly string[] {
  return Object.entries(agents).flatMap(([id, { subAgents = [] }]) =>
    subAgents.flatMap((name, index) =>
      name === '*' ? [] : unknownName(`agents.${id}.subAgents.${index}`, 'agent', name, Object.keys(agents)),
    ),
  )
}

/** Returns the provider's id in `<provider>/<model>`. */
export function providerOf(model: string): string {
  return model.slice(0, model.indexOf('/'))
}
