/** Finds the provider that a model's name begins with. */
import { BeamClawError } from '../base/errors.ts'
import { nearestName } from '../base/options.ts'
import type { Provider } from '../ports/provider.ts'

export interface ResolvedModel {
  readonly provider: Provider
  readonly providerId: string
  /** The provider's own name of the model; may hold slashes. */
  readonly model: string
}

export class ProviderTable {
  readonly #providers: ReadonlyMap<string, Provider>

  constructor(providers: Readonly<Record<string, Provider>>) {
    this.#providers = new Map(Object.entries(providers))
  }

  get ids(): readonly string[] {
    return [...this.#providers.keys()]
  }

  /** Takes `<provider>/<model>` apart. Throws `unknown-model`. */
  resolve(name: string): ResolvedModel {
    const slash = name.indexOf('/')
    const providerId = name.slice(0, Math.max(0, slash))
    const provider = this.#providers.get(providerId)
    if (provider !== undefined && slash < name.length - 1) return { provider, providerId, model: name.slice(slash + 1) }
    const nearest = nearestName(providerId, this.ids)
    const hint = nearest === undefined ? `known providers are ${this.ids.join(', ')}` : `did you mean "${nearest}/…"?`
    throw new BeamClawError('unknown-model', `No provider offers the model "${name.slice(0, 128)}"; ${hint}`, {
      details: { model: name.slice(0, 128) },
    })
  }
}
