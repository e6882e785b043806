/** What a call to a provider that failed says of the configuration, and what to do. */
import type { BeamClawError } from '@beamclaw/core'
import { harmless } from '../../output.ts'
import { type Finding, problem } from './finding.ts'

/** Returns the finding for an error of the provider `id`. `limitMs` is the time that the call had. */
export function providerFailure(name: string, id: string, error: BeamClawError, limitMs: number): Finding {
  const said = harmless(error.message)
  const place = `providers.${id}`
  switch (error.code) {
    case 'provider-aborted':
      return problem(name, `does not answer within ${limitMs / 1_000} s`, 'try again later; a model on this machine may still be loading')
    case 'provider-auth':
      return problem(name, `does not take the key: ${said}`, `correct ${place}.apiKey`)
    case 'provider-billing':
      return problem(name, `has no credit: ${said}`, 'add credit or raise the limit at the service')
    case 'provider-rate-limit':
    case 'provider-overloaded':
      return problem(name, `has too much to do: ${said}`, 'try again later, or name fallbacks for its agents')
    case 'provider-network':
    case 'provider-timeout':
      return problem(name, `cannot be reached: ${said}`, wayThere(error, place))
    case 'provider-protocol':
      return problem(name, `is not understood: ${said}`, `correct ${place}.baseUrl or its type`)
    default:
      return problem(name, said, error.isRetryable ? 'try again later' : `correct ${place}`)
  }
}

/** Returns what to look at when there is no connection. */
function wayThere({ details, isRetryable }: BeamClawError, place: string): string {
  if (typeof details.proxyVariable === 'string') return `correct the proxy in ${details.proxyVariable}, or name the host in NO_PROXY`
  // Certificates and protocols do not mend themselves.
  return isRetryable
    ? `check the network and ${place}.baseUrl`
    : `correct the certificate or the protocol of the server, or ${place}.baseUrl`
}
