/** What a failed call to a model means for the next one: pure tables, so that a policy can be read at a glance and replaced whole. */
import type { BeamClawError, ErrorCode } from '@beamclaw/core'

/** The codes a provider may fail with. */
export type ProviderErrorCode = Extract<ErrorCode, `provider-${string}`>

/** What follows from one kind of failure. */
export interface FailurePolicy {
  /** Who may be asked instead: `any` other target, only one with a `larger-context`, or `none`. */
  readonly tryNext: 'any' | 'larger-context' | 'none'
  /** Says something about the health of the service, not about the call. */
  readonly countsAgainstBreaker: boolean
  /** The target is best left alone for a while. */
  readonly cooldown: boolean
}

/** Decides what follows from a failure. */
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
 * Returns the policy for an error. A call that was refused on this side (`details.refusedBy` names the guard) says nothing about the target: another one may be
 * asked at once, and none cools down for it. A code of a newer version counts as the account's fault.
 *
 * @example
 * new CircuitBreaker({ policy: (error) => ({ ...defaultFailurePolicy(error), countsAgainstBreaker: error.code === 'provider-timeout' }) })
 */
export const defaultFailurePolicy: FailurePolicyResolver = ({ code, details }) => {
  if (details.refusedBy !== undefined) return refusal
  return Object.hasOwn(failurePolicies, code) ? failurePolicies[code as ProviderErrorCode] : accountFault
}
