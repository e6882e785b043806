/** Requests for a WebSocket that are rejected, with the reason. */
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Random } from '@beamclaw/core'
import { plainAddress } from '../auth/addresses.ts'
import { tokenParameter } from '../auth/query-token.ts'
import { hostHeaders, isOwnHost, isOwnOrigin, type SiteRules } from '../auth/site-check.ts'
import { badRequest, failureBody, failureHeaders, foreignHost, foreignOrigin, HttpFailure } from '../http/http-failure.ts'
import { parseTarget } from '../http/request-target.ts'

/** Retry delay of rejected connections in milliseconds, randomised so that they do not return together. */
const comeAgainWithinMs = { least: 250, most: 2_000 }

/** Returns the rejection for an address with too many connections before their `connect`. The retry delay is random. */
export function tooManyConnections(limit: number, random: Random): HttpFailure {
  const { least, most } = comeAgainWithinMs
  const retryAfterMs = Math.round(least + random.next() * (most - least))
  const message = `${limit} connections from this address have not sent connect yet, the maximum`
  return new HttpFailure(429, 'rate_limit_error', 'too-many-connections', message, retryAfterMs)
}

/** Returns the rejection while the gateway stops; the next one will listen soon. */
export function gatewayStops(): HttpFailure {
  return new HttpFailure(503, 'server_error', 'draining', 'The gateway is stopping; connect again after its restart', 1_000)
}

/** Returns true for a request that asks for a WebSocket; other protocols, such as `h2c`, are not supported. */
export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/** Returns why this request is rejected; undefined when it is not. */
export function upgradeProblem(request: IncomingMessage, rules: SiteRules): HttpFailure | undefined {
  if (!asksForWebSocket(request)) {
    return badRequest('Only "Upgrade: websocket" is supported; omit the header for plain HTTP', 'unknown-upgrade')
  }
  if (hostHeaders(request.rawHeaders) > 1) return badRequest('Request has more than one Host header', 'duplicate-host')
  const target = parseTarget(request.url ?? '')
  if (target === undefined) return badRequest('Request line has no valid target', 'invalid-target')
  const { headers, socket } = request
  const isOwn = (host: string | undefined): boolean => isOwnHost(rules, host, socket.localAddress && plainAddress(socket.localAddress))
  if (!isOwn(headers.host) || (target.authority !== undefined && !isOwn(target.authority))) return foreignHost()
  if (!isOwnOrigin(rules, headers.origin, headers.host)) return foreignOrigin()
  if (headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined || headers['x-real-ip'] !== undefined) {
    const message = 'Request has forwarding headers, and the gateway trusts no proxy; configure the proxy to omit them'
    return badRequest(message, 'proxy_attribution_required', 403)
  }
  if (target.path !== '/') return badRequest('The WebSocket is at /', 'not_found', 404)
  if (tokenParameter(target.query) === undefined) return undefined
  return badRequest('A token must not be in the URL: send it in connect, as auth.token', 'token-in-query', 401)
}

/** Returns the rejection of an upgrade with a wrong bearer token. */
export function wrongBearer(): HttpFailure {
  return new HttpFailure(
    401,
    'authentication_error',
    'invalid_token',
    "Wrong bearer token: send the gateway's token in connect, as auth.token",
  )
}

/** Returns the rejection of a request that could not be read. */
export function unreadableUpgrade(): HttpFailure {
  return badRequest('Request line or Host header is not valid', 'invalid_request')
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
