/** Requests for a WebSocket that get none. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { plainAddress } from '../auth/addresses.ts'
import { tokenParameter } from '../auth/query-token.ts'
import { hostHeaders, isOwnHost, type SiteRules } from '../auth/site-check.ts'

export interface UpgradeProblem {
  readonly status: string
  readonly code: string
  readonly message: string
}

/** Why this request gets no WebSocket; undefined when it may. */
export function upgradeProblem(request: IncomingMessage, rules: SiteRules): UpgradeProblem | undefined {
  if (hostHeaders(request.rawHeaders) > 1)
    return { status: '400 Bad Request', code: 'duplicate-host', message: 'There are two Host headers' }
  const { headers, socket } = request
  if (!isOwnHost(rules, headers.host, socket.localAddress && plainAddress(socket.localAddress))) {
    return { status: '403 Forbidden', code: 'host-not-allowed', message: 'This Host is not one of the gateway: add it to allowedHosts' }
  }
  if (headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined || headers['x-real-ip'] !== undefined) {
    return {
      status: '403 Forbidden',
      code: 'proxy_attribution_required',
      message: 'This came through a proxy that the gateway does not know; have it leave the forwarding headers out',
    }
  }
  const url = new URL(request.url ?? '/', 'http://gateway')
  if (url.pathname !== '/') return { status: '404 Not Found', code: 'not_found', message: 'The WebSocket is at /' }
  if (tokenParameter(url) === undefined) return undefined
  return {
    status: '401 Unauthorized',
    code: 'token-in-query',
    message: 'A token does not belong into an address: send it in connect, as auth.token',
  }
}

export function refuseUpgrade(socket: Duplex, { status, code, message }: UpgradeProblem): void {
  const body = JSON.stringify({ error: { message, type: 'invalid_request_error', code, param: null } })
  socket.on('error', () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  )
}
