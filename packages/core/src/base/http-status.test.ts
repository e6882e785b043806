import { expect, test } from 'vitest'
import { BeamClawError, defineErrors } from './errors.ts'
import { httpStatusOf } from './http-status.ts'

test.each([
  ['invalid-option', 400],
  ['unknown-session', 404],
  ['document-too-large', 413],
  ['idempotency-mismatch', 409],
  ['session-busy', 409],
  ['overloaded', 429],
  ['run-aborted', 409],
  ['provider-bad-request', 400],
  ['provider-server', 502],
  ['provider-timeout', 504],
  ['draining', 503],
  ['store-full', 507],
  ['internal', 500],
] as const)('the status of %s is %i', (code, status) => {
  expect(httpStatusOf(new BeamClawError(code, 'no'))).toBe(status)
})

test('the status follows the kind: of the code of another package, and of one error', () => {
  const guardrail = defineErrors({ 'guardrail-tripped': { kind: 'forbidden' } })
  expect(httpStatusOf(guardrail('guardrail-tripped', 'no'))).toBe(403)
  expect(httpStatusOf(new BeamClawError('internal', 'no', { kind: 'timeout' }))).toBe(504)
})

test.each([undefined, null, 'no', new Error('no'), { kind: 'missing' }])(
  'the status of %j, which is no BeamClaw error, is 500',
  (thrown) => {
    expect(httpStatusOf(thrown)).toBe(500)
  },
)

test.each(['of-a-later-version', undefined, 'constructor'])('the status of kind %s, which this version does not know, is 500', (kind) => {
  const error = new BeamClawError('internal', 'no')
  Object.defineProperty(error, 'kind', { value: kind })
  expect(httpStatusOf(error)).toBe(500)
})
