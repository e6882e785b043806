/** One port for people and programs. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BeamClawError, type RunningBeamClaw } from '@beamclaw/core'
import { createAdaptorServer } from '@hono/node-server'
import type { GatewayAuth } from './auth/token-auth.ts'
import { httpApp } from './http/http-app.ts'

export interface GatewayOptions {
  readonly claw: RunningBeamClaw
  /** A host that others can reach needs `auth.mode` "token". @default '127.0.0.1' */
  readonly host?: string
  /** 0 takes any free port. @default 4000 */
  readonly port?: number
  /** @default { mode: 'none' } */
  readonly auth?: GatewayAuth
  /** Shown by `/health`. @default '0.0.0' */
  readonly version?: string
  /** Wall time in milliseconds. @default Date.now */
  readonly now?: () => number
}

/** What a gateway gets that says nothing else. */
export const gatewayDefaults = {
  host: '127.0.0.1',
  port: 4000,
  auth: { mode: 'none' },
  version: '0.0.0',
} as const satisfies Partial<GatewayOptions>

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

export class Gateway implements AsyncDisposable {
  readonly #options: GatewayOptions
  readonly #server: Server
  #isDraining = false
  readonly handler: (request: Request) => Response | Promise<Response>

  constructor(options: GatewayOptions) {
    const { claw, auth = gatewayDefaults.auth, version = gatewayDefaults.version, now = Date.now, host = gatewayDefaults.host } = options
    if (auth.mode === 'none' && !loopback.has(host)) {
      throw new BeamClawError('invalid-option', `Gateway: host "${host}" can be reached by others, so auth must have mode "token"`)
    }
    const app = httpApp({ claw, auth, version, now, readiness: () => (this.#isDraining ? 'draining' : 'ready') })
    this.handler = (request) => app.fetch(request)
    this.#options = options
    this.#server = createAdaptorServer({ fetch: this.handler }) as Server
  }

  /** Opens the port and resolves with the address. Rejects `invalid-option` when the port is taken or not allowed. */
  async start(): Promise<{ readonly host: string; readonly port: number; readonly url: string }> {
    const { host = gatewayDefaults.host, port = gatewayDefaults.port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => reject(portError(cause, host, port)))
      this.#server.listen(port, host, resolve)
    })
    const address = this.#server.address() as AddressInfo
    const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address
    return { host: address.address, port: address.port, url: `http://${shownHost}:${address.port}` }
  }

  /** Refuses new work, waits for answers under way and closes the port. */
  async stop(): Promise<void> {
    this.#isDraining = true
    if (!this.#server.listening) return
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeIdleConnections()
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

function portError(cause: NodeJS.ErrnoException, host: string, port: number): BeamClawError {
  const reason =
    cause.code === 'EADDRINUSE'
      ? 'another program listens there; choose another port or stop it'
      : cause.code === 'EACCES'
        ? 'this user may not open it'
        : cause.message
  return new BeamClawError('invalid-option', `Gateway: port ${port} on ${host} cannot be opened: ${reason}`, { cause })
}
