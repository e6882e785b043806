import { BeamClawError, defineErrors, silentLogger } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { wireCodeOf } from './error-kinds.ts'
import { toFailure } from './http/http-failure.ts'
import { toErrorShape } from './ws/failure.ts'

describe('what clients are told of a failure', () => {
  test.each([
    ['invalid-message', 400, 'INVALID_REQUEST'],
    ['unknown-session', 404, 'INVALID_REQUEST'],
    ['message-too-large', 413, 'INVALID_REQUEST'],
    ['idempotency-mismatch', 409, 'INVALID_REQUEST'],
    ['session-busy', 409, 'UNAVAILABLE'],
    ['overloaded', 429, 'UNAVAILABLE'],
    ['run-aborted', 409, 'UNAVAILABLE'],
    ['provider-bad-request', 400, 'UNAVAILABLE'],
    ['provider-server', 502, 'UNAVAILABLE'],
    ['provider-timeout', 504, 'UNAVAILABLE'],
    ['draining', 503, 'UNAVAILABLE'],
    ['store-full', 507, 'UNAVAILABLE'],
    ['internal', 500, 'UNAVAILABLE'],
  ] as const)('%s is %i over HTTP and %s over WebSocket', (code, status, wire) => {
    const error = new BeamClawError(code, 'no')
    expect(toFailure(error).status).toBe(status)
    expect(toErrorShape(error, 'chat.send', silentLogger).code).toBe(wire)
  })

  test('goes by its kind, also for the codes of other packages', () => {
    const error = defineErrors({ 'tenant-suspended': { kind: 'forbidden' } })('tenant-suspended', 'The tenant is suspended')
    expect(toFailure(error)).toMatchObject({ status: 403, code: 'tenant-suspended' })
    expect(toErrorShape(error, 'chat.send', silentLogger)).toMatchObject({ code: 'FORBIDDEN', details: { code: 'tenant-suspended' } })
  })

  test('is that of an internal one for a kind of a later version, or none', () => {
    for (const kind of ['of-a-later-version', undefined, 'constructor']) expect(wireCodeOf(kind as never)).toBe(wireCodeOf('internal'))
  })
})
