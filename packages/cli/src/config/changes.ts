/** Compares settings: which changes apply at once, and which wait for a restart. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { ProviderConfig } from './schema.ts'
import { providerOf, type Settings } from './settings.ts'

export interface SettingChanges {
  /** Paths whose new values apply at once. */
  readonly applied: readonly string[]
  /** Paths whose new values apply after a restart. */
  readonly waiting: readonly string[]
  /** The settings to run with. */
  readonly settings: Settings
}

const limitNames = ['maxConcurrent', 'requestsPerMinute', 'tokensPerMinute'] as const
const restartOnly = [
  'host',
  'port',
  'auth',
  'allowedOrigins',
  'allowedHosts',
  'drainMs',
  'store',
  'cluster',
  'sessions',
  'budgets',
  'tools',
  'askMode',
  'skills',
] as const

/** Returns the changes from `current` to `wanted`, without values, which may be secrets. */
export function changesBetween(current: Settings, wanted: Settings): SettingChanges {
  const waiting: string[] = restartOnly.filter((name) => !isDeepStrictEqual(current[name], wanted[name])).map(pathOf)
  const providers = mergeProviders(current.providers, wanted.providers, waiting)
  const agents = usableAgents(current, wanted, waiting)
  const settings: Settings = { ...current, prices: wanted.prices, providers, agents }
  const applied = [
    ...differing('providers', current.providers, providers),
    ...differing('prices', current.prices, settings.prices),
    ...differing('agents', current.agents, agents),
    ...(Object.keys(agents)[0] === Object.keys(current.agents)[0] ? [] : ['the default agent']),
  ]
  return { applied, waiting, settings }
}

/** The settings that are sections of the file themselves. */
const ownSections: ReadonlySet<string> = new Set(['store', 'cluster', 'sessions', 'budgets', 'tools', 'askMode', 'skills'])

function pathOf(name: (typeof restartOnly)[number]): string {
  return ownSections.has(name) ? name : `gateway.${name}`
}

/** Merges providers: limits apply at once; the key, the address, and added or removed providers wait for a restart. */
function mergeProviders(current: Settings['providers'], wanted: Settings['providers'], waiting: string[]): Settings['providers'] {
  for (const id of new Set([...Object.keys(current), ...Object.keys(wanted)])) {
    if (!isDeepStrictEqual(connectionOf(current[id]), connectionOf(wanted[id]))) waiting.push(`providers.${id}`)
  }
  return Object.fromEntries(
    Object.entries(current).map(([id, provider]) => {
      const next = wanted[id]
      return [id, next === undefined ? provider : ({ ...connectionOf(provider), ...limitsOf(next) } as ProviderConfig)]
    }),
  )
}

function connectionOf(provider: ProviderConfig | undefined): object | undefined {
  if (provider === undefined) return undefined
  return Object.fromEntries(Object.entries(provider).filter(([name]) => !limitNames.includes(name as never)))
}

/** Returns the limits of a provider that are set. */
export function limitsOf(provider: ProviderConfig): Partial<Record<(typeof limitNames)[number], number>> {
  if (provider.type === 'demo') return {}
  return Object.fromEntries(limitNames.flatMap((name) => (provider[name] === undefined ? [] : [[name, provider[name]]])))
}

/** Merges agents: an agent whose provider waits for a restart keeps its old settings, or is not added. */
function usableAgents(current: Settings, wanted: Settings, waiting: string[]): Settings['agents'] {
  return Object.fromEntries(
    Object.entries(wanted.agents).flatMap(([id, agent]) => {
      const isUsable = [agent.model, ...(agent.fallbacks ?? [])].every((model) => Object.hasOwn(current.providers, providerOf(model)))
      if (isUsable) return [[id, agent]]
      waiting.push(`agents.${id}`)
      const old = current.agents[id]
      return old === undefined ? [] : [[id, old]]
    }),
  )
}

function differing(path: string, before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name])).map((name) => `${path}.${name}`)
}
