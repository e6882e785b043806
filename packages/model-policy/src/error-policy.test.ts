import { BeamClawError } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { defaultFailurePolicy, failurePolicies, type ProviderErrorCode } from './error-policy.ts'

describe('what follows from a failure', () => {
  test.each([
    // code, who may be asked instead, counts against the breaker, cools down
    ['provider-server', 'any', true, true],
    ['provider-timeout', 'any', true, true],
    ['provider-network', 'any', true, true],
    ['provider-overloaded', 'any', true, true],
    ['provider-protocol', 'any', true, true],
    ['provider-rate-limit', 'any', false, true],
    ['provider-auth', 'any', false, true],
    ['provider-billing', 'any', false, true],
    ['provider-context-overflow', 'larger-context', false, false],
    ['provider-bad-request', 'none', false, false],
    ['provider-content-filter', 'none', false, false],
    ['provider-aborted', 'none', false, false],
  ] as const)('%s: ask %s, counts %s, cools %s', (code, tryNext, countsAgainstBreaker, cooldown) => {
    expect(defaultFailurePolicy(new BeamClawError(code, 'Failed'))).toEqual({ tryNext, countsAgainstBreaker, cooldown })
  })

  test('is the same for a call that one of ours turned away, whatever its code: ask another, blame nobody', () => {
    for (const code of Object.keys(failurePolicies) as ProviderErrorCode[]) {
      const refusal = new BeamClawError(code, 'No room', { details: { refusedBy: 'rate-limiter' } })
      expect(defaultFailurePolicy(refusal)).toEqual({ tryNext: 'any', countsAgainstBreaker: false, cooldown: false })
    }
  })

  test('of a code from a newer version is to ask another', () => {
    const error = Object.assign(new BeamClawError('provider-server', 'Failed'), { code: 'provider-quantum' })
    expect(defaultFailurePolicy(error)).toMatchObject({ tryNext: 'any', countsAgainstBreaker: false })
  })
})
