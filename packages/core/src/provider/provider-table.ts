/** Resolves the name of a model to its provider. */
import { invalidOption, nearestName } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import type { Provider } from '../ports/provider.ts'

export interface ResolvedModel {
  readonly provider: Provider
  readonly providerId: string
  /** The name of the model at the provider; may contain slashes. */
  readonly model: string
}

/** The ids that a model's name can begin with. */
const idPattern = /^[^/\s]{1,64}$/

export class ProviderTable {
  readonly #providers: ReadonlyMap<string, Provider>

  /** Throws `invalid-option` for an id that a model's name cannot begin with, and for a value that is no provider. */
  constructor(providers: Readonly<Record<string, Provider>>) {
    this.#providers = new Map(Object.entries(providers))
    for (const [id, provider] of this.#providers) {
      if (!idPattern.test(id)) {
        const problem = `BeamClaw: providers: the id "${id.slice(0, 64)}" must have 1 to 64 characters without "/" and white space, as models are named "<id>/<model>"`
        throw new BeamClawError('invalid-option', problem, {
          details: { owner: 'BeamClaw', option: 'providers', received: id.slice(0, 64) },
        })
      }
      if (typeof provider?.doStream !== 'function') {
        throw invalidOption('BeamClaw', `providers.${id}`, 'a provider, with a method doStream()', provider)
      }
    }
  }

  get ids(): readonly string[] {
    return [...this.#providers.keys()]
  }

  /**
   * Throws `invalid-option` when `model`, the value of an option, names a provider that is not configured; `whose` completes the name of the
   * option in the message.
   */
  check(owner: string, option: string, model: string, whose = ''): void {
    if (this.#find(model) !== undefined) return
    const name = model.slice(0, 128)
    const problem = model.includes('/') ? 'names a provider that is not configured:' : 'must be of the form <provider>/<model>, received'
    throw new BeamClawError('invalid-option', `${owner}: ${option}${whose} ${problem} "${name}"; ${this.#hint(model)}`, {
      details: { owner, option, received: name, known: this.ids },
    })
  }

  /** Returns the provider and the model of `<provider>/<model>`. Throws `unknown-model`. */
  resolve(name: string): ResolvedModel {
    const found = this.#find(name)
    if (found !== undefined) return found
    throw new BeamClawError('unknown-model', `No provider offers the model "${name.slice(0, 128)}"; ${this.#hint(name)}`, {
      details: { model: name.slice(0, 128) },
    })
  }

  #find(name: string): ResolvedModel | undefined {
    const providerId = providerIdOf(name)
    const provider = this.#providers.get(providerId)
    const model = name.slice(providerId.length + 1)
    return provider === undefined || model === '' ? undefined : { provider, providerId, model }
  }

  #hint(name: string): string {
    const nearest = name.includes('/') ? nearestName(providerIdOf(name), this.ids) : undefined
    if (nearest !== undefined) return `did you mean "${nearest}/…"?`
    return this.ids.length === 0 ? 'there are no providers' : `known providers are ${this.ids.join(', ')}`
  }
}

function providerIdOf(name: string): string {
  return name.slice(0, Math.max(0, name.indexOf('/')))
}
