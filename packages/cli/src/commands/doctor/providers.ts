/** Checks the providers: that each can be made, and, with `--online`, that the service answers and accepts the key. */
import { BeamClawError, type Provider } from '@beamclaw/core'
import { toProvider } from '../../assemble.ts'
import { adapterProblem } from '../../config/adapter-problem.ts'
import type { ProviderConfig } from '../../config/schema.ts'
import { harmless } from '../../output.ts'
import { type Finding, ok, problem, warning } from './finding.ts'
import { providerFailure } from './provider-failure.ts'

const defaultLimitMs = 10_000

export async function checkProvider(id: string, config: ProviderConfig, isOnline: boolean, limitMs = defaultLimitMs): Promise<Finding> {
  const name = `provider ${id}`
  if (config.type === 'demo') return ok(name, 'lives in the gateway')
  try {
    const provider = await toProvider(config)
    if (isOnline) return await online(name, id, provider, limitMs)
  } catch (error) {
    if (!BeamClawError.isInstance(error)) throw error
    const { path, text } = adapterProblem(['providers', id], config, error)
    return problem(name, text, `correct ${path.join('.')}`)
  }
  return ok(name, config.apiKey === undefined ? 'has no key, which its server may not want' : 'has a key (--online tries it)')
}

async function online(name: string, id: string, provider: Provider, limitMs: number): Promise<Finding> {
  try {
    const list = await provider.listModels?.({ signal: AbortSignal.timeout(limitMs) })
    return ok(name, list === undefined ? 'cannot be tried without a call' : `answers, and offers ${list.length} models`)
  } catch (error) {
    if (!BeamClawError.isInstance(error)) throw error
    return withoutList(name, id, error) ?? providerFailure(name, id, error, limitMs)
  }
}

/**
 * Returns the finding for an address without a list of models; undefined for other failures. Some services have none. An address that refuses in the words of a
 * model service may be one of them; of any other it is not even known that a model service is there.
 */
function withoutList(name: string, id: string, { code, message, details }: BeamClawError): Finding | undefined {
  if (code !== 'provider-bad-request' || (details.status !== 404 && details.status !== 405)) return undefined
  const said = harmless(message)
  const isService = details.providerCode !== undefined || details.requestId !== undefined
  if (!isService) {
    const advice = `correct providers.${id}.baseUrl; if the service has no list of models, --live tells whether it works`
    return problem(name, `has nothing of a model service at this address: ${said}`, advice)
  }
  const advice = `harmless only if the service has no such list: --live tells; otherwise correct providers.${id}.baseUrl`
  return warning(name, `answers, but lists no models here: ${said}`, advice)
}
