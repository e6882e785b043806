/** Maps a failed model call to its consequences. Pure tables, so that a policy can be read at a glance and replaced as a whole. */
import type { BeamClawError, ErrorCode } from '@beamclaw/core'

/** The codes a provider may fail with. */
export type ProviderErrorCode = Extract<ErrorCode, `provider-${string}`>

/** The consequences of one kind of failure, as a `FailurePolicyResolver` returns them. */
export interface FailurePolicy {
  /** Which target may be asked instead: `any` other, only one with a `larger-context`, or `none`. */
  readonly tryNext: 'any' | 'larger-context' | 'none'
  /** Whether the failure is evidence about the health of the service. */
  readonly countsAgainstBreaker: boolean
  /** Whether the target should be skipped for a while. */
  readonly cooldown: boolean
}

/** Called with a failure; returns its consequences. */
export type FailurePolicyResolver = (error: BeamClawError) => FailurePolicy

const serviceFault: FailurePolicy = { tryNext: 'any', countsAgainstBreaker: true, cooldown: true }
const accountFault: FailurePolicy = { tryNext: 'any', countsAgainstBreaker: false, cooldown: true }
const callFault: FailurePolicy = { tryNext: 'none', countsAgainstBreaker: false, cooldown: false }
const refusal: FailurePolicy = { tryNext: 'any', countsAgainstBreaker: false, cooldown: false }

/**
 * The failure policy of each code, as `defaultFailurePolicy` applies it.
 *
 * @example
 * failurePolicies['provider-server'].countsAgainstBreaker // true
 */
export const failurePolicies = {
  'provider-server': serviceFault,
  'provider-timeout': serviceFault,
  'provider-network': serviceFault,
  'provider-overloaded': serviceFault,
  'provider-protocol': serviceFault,
  'provider-rate-limit': accountFault,
  'provider-auth': accountFault,
  'provider-billing': accountFault,
  'provider-context-overflow': { tryNext: 'larger-context', countsAgainstBreaker: false, cooldown: false },
  'provider-bad-request': callFault,
  'provider-content-filter': callFault,
  'provider-aborted': callFault,
} as const satisfies Record<ProviderErrorCode, FailurePolicy>

/**
 * Returns the policy for an error. A call that a guard refused (`details.refusedBy` names it) is no evidence about the target: another one may be
 * asked at once, and none cools down. The code of a newer version is treated as an error of the account.
 *
 * @example
 * new CircuitBreaker({ policy: (error) => ({ ...defaultFailurePolicy(error), countsAgainstBreaker: error.code === 'provider-timeout' }) })
 */
export const defaultFailurePolicy: FailurePolicyResolver = ({ code, details }) => {
  if (details.refusedBy !== undefined) return refusal
  return Object.hasOwn(failurePolicies, code) ? failurePolicies[code as ProviderErrorCode] : accountFault
}
