/** Runs one request and sends its response. Any failure becomes the response of that request alone. */
import type { Clock, Logger } from '@beamclaw/core'
import { type RequestFrame, requestFrame } from '@beamclaw/protocol'
import type { GatewayLimits } from '../limits.ts'
import type { KnownMethod, MethodTable } from '../methods/method-table.ts'
import { check } from '../schema-check.ts'
import type { Connection } from './connection.ts'
import { describeIssue, RequestFailure, toErrorShape } from './failure.ts'
import { MethodCall } from './method-call.ts'
import { TokenBucket } from './token-bucket.ts'

export interface DispatchOptions {
  readonly table: MethodTable
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: GatewayLimits
}

/** Handles one parsed message of an authenticated connection. Never rejects. */
export async function dispatch(message: unknown, connection: Connection, options: DispatchOptions): Promise<void> {
  const parsed = check(requestFrame, message)
  if (!parsed.success) return refuseFrame(message, connection, describeIssue(parsed.error, 'request frame'))
  const { id, method: name } = parsed.data
  let call: MethodCall | undefined
  try {
    takeToken(connection, options)
    const method = methodOf(parsed.data, connection, options.table)
    const params = check(method.params, parsed.data.params ?? {})
    if (!params.success) throw new RequestFailure('INVALID_REQUEST', describeIssue(params.error, `${name} params`))
    call = new MethodCall(id, method, connection)
    connection.inFlight++
    try {
      await call.run(params.data)
    } finally {
      connection.inFlight--
    }
  } catch (error) {
    connection.refuse(id, toErrorShape(error, name, options.logger))
  }
  call?.finish()
}

/** Returns the method. Throws when there is none, or the client lacks its scope. */
function methodOf({ method: name }: RequestFrame, connection: Connection, { methods }: MethodTable): KnownMethod {
  if (name === 'connect') {
    if (connection.holds('operator.admin')) {
      throw new RequestFailure('INVALID_REQUEST', 'connect is allowed once, as the first request of a connection')
    }
    throw missingScope('operator.admin')
  }
  const method = methods.get(name)
  if (method === undefined) throw new RequestFailure('INVALID_REQUEST', `unknown method: ${name.slice(0, 128)}`)
  if (!connection.holds(method.scope)) throw missingScope(method.scope)
  return method
}

function takeToken(connection: Connection, { clock, limits }: DispatchOptions): void {
  const { requestsPerSecond, requestBurst, maxInFlight } = limits
  const now = clock.monotonic()
  connection.bucket ??= new TokenBucket(requestsPerSecond, requestBurst, now)
  const waitMs = connection.bucket.take(now)
  const isTooMany = connection.inFlight >= maxInFlight
  if (waitMs === 0 && !isTooMany) return
  const reason = isTooMany ? `${maxInFlight} requests of this connection are under way` : `more than ${requestsPerSecond} requests a second`
  throw new RequestFailure('UNAVAILABLE', `too many requests: ${reason}`, {
    details: { code: 'rate-limited' },
    retryable: true,
    retryAfterMs: isTooMany ? 1_000 : waitMs,
  })
}

function missingScope(scope: string): RequestFailure {
  return new RequestFailure('FORBIDDEN', `missing scope: ${scope}`, {
    details: { code: 'MISSING_SCOPE', missingScope: scope, requiredScopes: [scope] },
  })
}

/** An invalid frame gets a response if it has an id. */
function refuseFrame(message: unknown, connection: Connection, problem: string): void {
  const id = typeof message === 'object' && message !== null && 'id' in message ? message.id : undefined
  if (typeof id === 'string' && id !== '') connection.refuse(id, { code: 'INVALID_REQUEST', message: problem })
}
