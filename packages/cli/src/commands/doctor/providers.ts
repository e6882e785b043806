/** Checks the providers: that there is an API key and, with `--online`, that the service accepts it. */
import { BeamClawError } from '@beamclaw/core'
import { toProvider } from '../../assemble.ts'
import type { ProviderConfig } from '../../config/schema.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const timeoutMs = 10_000

export async function checkProvider(id: string, config: ProviderConfig, isOnline: boolean): Promise<Finding> {
  const name = `provider ${id}`
  if (config.type === 'demo') return ok(name, 'lives in the gateway')
  if (config.apiKey === undefined) {
    if (config.baseUrl === undefined) return problem(name, 'has no key', `set providers.${id}.apiKey`)
    if (!isOnline) return ok(name, 'has no key, which a server of your own may not want')
  }
  return isOnline ? online(name, id, config) : ok(name, 'has a key (--online tries it)')
}

async function online(name: string, id: string, config: ProviderConfig): Promise<Finding> {
  try {
    const list = await (await toProvider(config)).listModels?.({ signal: AbortSignal.timeout(timeoutMs) })
    return ok(name, list === undefined ? 'cannot be tried without a call' : `answers, and offers ${list.length} models`)
  } catch (error) {
    if (!BeamClawError.isInstance(error)) throw error
    if (error.code === 'invalid-option') return problem(name, error.message, `correct providers.${id}`)
    if (error.code === 'provider-auth') return problem(name, 'does not take the key', `correct providers.${id}.apiKey`)
    if (error.isRetryable) return problem(name, `cannot be reached: ${error.message}`, 'check the network and baseUrl, or try again later')
    return warning(name, `answers, but does not list its models: ${error.message}`, 'harmless where the service has no such list')
  }
}
