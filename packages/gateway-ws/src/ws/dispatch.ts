/** From a request to its answer. Whatever goes wrong in one is the answer of that one. */
import { hasScope, type MethodName, methods, type RequestFrame, requestFrame } from '@beamclaw/protocol'
import type * as z from 'zod'
import type { GatewayLimits } from '../limits.ts'
import { check } from '../schema-check.ts'
import type { Connection } from './connection.ts'
import { describeIssue, RequestFailure, toErrorShape } from './failure.ts'
import type { Call, World } from './methods/call.ts'
import { implementations } from './methods/implementations.ts'
import { TokenBucket } from './token-bucket.ts'

type AnyMethod = (params: unknown, world: World, call: Call) => unknown

/** Handles one parsed message of a connection that has shown who it is. Never rejects. */
export async function dispatch(message: unknown, connection: Connection, world: World, limits: GatewayLimits): Promise<void> {
  const parsed = check(requestFrame, message)
  if (!parsed.success) return refuseFrame(message, connection, describeIssue(parsed.error, 'request frame'))
  const frame = parsed.data
  const work: (() => void)[] = []
  try {
    takeToken(connection, world, limits)
    const method = methodOf(frame, connection)
    const params = check(methods[method].params as z.ZodType, frame.params ?? {})
    if (!params.success) throw new RequestFailure('INVALID_REQUEST', describeIssue(params.error, `${method} params`))
    connection.inFlight++
    try {
      const call: Call = {
        connection,
        answerFirst: (payload) => connection.answer(frame.id, payload),
        afterwards: (step) => work.push(step),
      }
      connection.answer(frame.id, await (implementations[method] as AnyMethod)(params.data, world, call))
    } finally {
      connection.inFlight--
    }
  } catch (error) {
    connection.refuse(frame.id, toErrorShape(error, frame.method, world.services.logger))
  }
  for (const step of work) step()
}

/** The method, where there is one and the client may use it. */
function methodOf({ method }: RequestFrame, { grant }: Connection): MethodName {
  if (method === 'connect') {
    if (hasScope(grant?.scopes ?? [], 'operator.admin')) {
      throw new RequestFailure('INVALID_REQUEST', 'connect comes once, as the first request of a connection')
    }
    throw missingScope('operator.admin')
  }
  if (!Object.hasOwn(methods, method)) throw new RequestFailure('INVALID_REQUEST', `unknown method: ${method.slice(0, 128)}`)
  const { scope } = methods[method as MethodName]
  if (!hasScope(grant?.scopes ?? [], scope)) throw missingScope(scope)
  return method as MethodName
}

function takeToken(connection: Connection, { services }: World, { requestsPerSecond, requestBurst, maxInFlight }: GatewayLimits): void {
  const now = services.clock.monotonic()
  connection.bucket ??= new TokenBucket(requestsPerSecond, requestBurst, now)
  const waitMs = connection.bucket.take(now)
  const isTooMany = connection.inFlight >= maxInFlight
  if (waitMs === 0 && !isTooMany) return
  const reason = isTooMany
    ? `${maxInFlight} requests of this connection wait for their answer`
    : `more than ${requestsPerSecond} requests a second`
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

/** What is no request cannot be answered, unless it says under which id. */
function refuseFrame(message: unknown, connection: Connection, problem: string): void {
  const id = typeof message === 'object' && message !== null && 'id' in message ? message.id : undefined
  if (typeof id === 'string' && id !== '') connection.refuse(id, { code: 'INVALID_REQUEST', message: problem })
}
