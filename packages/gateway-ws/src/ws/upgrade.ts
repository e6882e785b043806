/** Requests for a WebSocket that get none. */
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Random } from '@beamclaw/core'
import { plainAddress } from '../auth/addresses.ts'
import { tokenParameter } from '../auth/query-token.ts'
import { hostHeaders, isOwnHost, isOwnOrigin, type SiteRules } from '../auth/site-check.ts'
import { badRequest, failureBody, failureHeaders, foreignHost, foreignOrigin, HttpFailure } from '../http/http-failure.ts'
import { parseTarget } from '../http/request-target.ts'

/** Milliseconds within which those come again who were too many at once. */
const comeAgainWithinMs = { least: 250, most: 2_000 }

/** There are as many connections of this address that have not sent `connect` as there may be. Each is told another time to come again. */
export function tooManyConnections(limit: number, random: Random): HttpFailure {
  const { least, most } = comeAgainWithinMs
  const retryAfterMs = Math.round(least + random.next() * (most - least))
  const message = `${limit} connections from this address have not sent connect yet`
  return new HttpFailure(429, 'rate_limit_error', 'too-many-connections', message, retryAfterMs)
}

/** The gateway is about to be gone; the next one will listen soon. */
export function gatewayStops(): HttpFailure {
  return new HttpFailure(503, 'server_error', 'draining', 'The gateway stops', 1_000)
}

/** True for a request that asks for a WebSocket; other protocols, as `h2c`, are not spoken here. */
export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/** Why this request gets no WebSocket; undefined when it may. */
export function upgradeProblem(request: IncomingMessage, rules: SiteRules): HttpFailure | undefined {
  if (!asksForWebSocket(request)) {
    return badRequest('Only "Upgrade: websocket" is known here; leave the header out for HTTP', 'unknown-upgrade')
  }
  if (hostHeaders(request.rawHeaders) > 1) return badRequest('There are two Host headers', 'duplicate-host')
  const target = parseTarget(request.url ?? '')
  if (target === undefined) return badRequest('The request line names no address', 'invalid-target')
  const { headers, socket } = request
  const isOwn = (host: string | undefined): boolean => isOwnHost(rules, host, socket.localAddress && plainAddress(socket.localAddress))
  if (!isOwn(headers.host) || (target.authority !== undefined && !isOwn(target.authority))) return foreignHost()
  if (!isOwnOrigin(rules, headers.origin, headers.host)) return foreignOrigin()
  if (headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined || headers['x-real-ip'] !== undefined) {
    const message = 'This came through a proxy that the gateway does not know; have it leave the forwarding headers out'
    return badRequest(message, 'proxy_attribution_required', 403)
  }
  if (target.path !== '/') return badRequest('The WebSocket is at /', 'not_found', 404)
  if (tokenParameter(target.query) === undefined) return undefined
  return badRequest('A token does not belong into an address: send it in connect, as auth.token', 'token-in-query', 401)
}

/** The upgrade came with a bearer token, and it is not the gateway's. */
export function wrongBearer(): HttpFailure {
  return new HttpFailure(
    401,
    'authentication_error',
    'invalid_token',
    "The bearer token is not the gateway's; send it in connect, as auth.token",
  )
}

/** The request could not be looked at. */
export function unreadableUpgrade(): HttpFailure {
  return badRequest('This request cannot be understood', 'invalid_request')
}

export function refuseUpgrade(socket: Duplex, failure: HttpFailure): void {
  const body = JSON.stringify(failureBody(failure))
  const headers = {
    connection: 'close',
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...failureHeaders(failure),
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.on('error', () => socket.destroy())
  if (socket.destroyed) return
  socket.end(`HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status]}\r\n${lines.join('')}\r\n${body}`, () => socket.destroy())
}
