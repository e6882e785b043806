/** The models of a configuration, each behind its limits, its circuit breaker, the usage ledger and its fallbacks. */
import type { Logger, Provider, ProviderRequest, Store, SystemServices } from '@beamclaw/core'
import { boundCalls } from '@beamclaw/core/adapter'
import { CircuitBreaker, FallbackProvider, type FallbackTarget, guarded, RateLimiter, UsageLedger } from '@beamclaw/model-policy'
import { limitsOf } from './config/changes.ts'
import type { AgentConfig } from './config/schema.ts'
import { providerOf, type Settings } from './config/settings.ts'

interface Service {
  readonly limiter: RateLimiter
  /** Counted, behind its breaker, and limited. */
  readonly provider: Provider
}

interface Route {
  readonly fallbacks: string
  readonly provider: Provider
}

/** Stays for as long as the process; limits, prices and fallbacks may change under way. */
export class ModelServices {
  readonly ledger: UsageLedger
  /** By the id that model names begin with. */
  readonly providers: Readonly<Record<string, Provider>>
  readonly #guarded: ReadonlyMap<string, Service>
  readonly #services: Partial<SystemServices>
  readonly #logger: Logger
  #routes: ReadonlyMap<string, Route> = new Map()

  constructor(settings: Settings, providers: Readonly<Record<string, Provider>>, store: Store, logger: Logger) {
    this.#services = { logger }
    this.#logger = logger
    const budgets = Object.entries(settings.budgets).map(([id, budget]) => ({ id, ...budget }))
    this.ledger = new UsageLedger({ prices: settings.prices, budgets, store, services: this.#services })
    this.#guarded = new Map(Object.entries(providers).map(([id, provider]) => [id, this.#guard(id, provider)]))
    this.providers = Object.fromEntries([...this.#guarded].map(([id, { provider }]) => [id, this.#routed(id, provider)]))
    this.update(settings)
  }

  /** Takes over limits, prices and fallbacks. Calls under way end as they began. */
  update({ providers, prices, agents }: Settings): void {
    for (const [id, config] of Object.entries(providers)) this.#guarded.get(id)?.limiter.setLimits(limitsOf(config))
    this.ledger.setPrices(prices)
    this.#routes = new Map(Object.values(agents).flatMap((agent) => this.#route(agent)))
  }

  #guard(id: string, provider: Provider): Service {
    const limiter = new RateLimiter({ id, services: this.#services })
    const breaker = new CircuitBreaker({
      id,
      services: this.#services,
      onStateChange: ({ model, from, to }) => this.#logger.log('warn', 'provider.circuit', { provider: id, model, from, to }),
    })
    // The ledger refuses first: a call that no budget has room for waits for nothing.
    return { limiter, provider: guarded(provider, [this.ledger.guard({ provider: id }), breaker, limiter]) }
  }

  #route({ model, fallbacks = [] }: AgentConfig): readonly (readonly [string, Route])[] {
    if (fallbacks.length === 0) return []
    const list = JSON.stringify(fallbacks)
    const known = this.#routes.get(model)
    // What is known of targets that fail must outlive a change elsewhere.
    if (known?.fallbacks === list) return [[model, known]]
    const provider = new FallbackProvider({
      targets: [...new Set([model, ...fallbacks])].flatMap((name) => this.#target(name)),
      services: this.#services,
      onFallback: ({ failed, next }) =>
        this.#logger.log('warn', 'provider.fallback', {
          failed: `${failed.target}/${failed.model}`,
          code: failed.code,
          next: `${next.target}/${next.model}`,
        }),
    })
    return [[model, { fallbacks: list, provider }]]
  }

  #target(name: string): readonly FallbackTarget[] {
    const id = providerOf(name)
    const service = this.#guarded.get(id)
    return service === undefined ? [] : [{ id, provider: service.provider, model: name.slice(id.length + 1) }]
  }

  /** Finds the fallbacks anew for each call. */
  #routed(id: string, provider: Provider): Provider {
    return {
      doStream: (request: ProviderRequest, options) =>
        (this.#routes.get(`${id}/${request.model}`)?.provider ?? provider).doStream(request, options),
      ...boundCalls(provider),
    }
  }
}
