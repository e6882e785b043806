import * as actor from '@beamclaw/actor'
import { expect, test } from 'vitest'
import { BeamClawError, MailboxFullError } from './errors.ts'

test('an error of core is the very class that actors throw', () => {
  expect(BeamClawError).toBe(actor.BeamClawError)
  expect(new MailboxFullError('full', 20, {})).toBeInstanceOf(BeamClawError)
})

test.each([
  ['invalid-option', 'caller', false],
  ['overloaded', 'limited', true],
  ['unknown-run', 'missing', false],
  ['session-busy', 'busy', true],
  ['store-full', 'full', true],
  ['provider-timeout', 'timeout', true],
  ['draining', 'unavailable', true],
] as const)('the code %s of actors or of core has the kind %s', (code, kind, isRetryable) => {
  expect(new BeamClawError(code, 'no')).toMatchObject({ code, kind, isRetryable })
})

test.each(['of-no-package', 'constructor', '__proto__'])('the code %s, which no package added, is internal', (code) => {
  expect(new BeamClawError(code as 'internal', 'no')).toMatchObject({ code, kind: 'internal', isRetryable: false })
})
