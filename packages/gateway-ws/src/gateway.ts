/** One port for people and programs. */
import { setMaxListeners } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BeamClawError, type SystemServices, systemServices } from '@beamclaw/core'
import { getRequestListener } from '@hono/node-server'
import { isLoopback } from './auth/addresses.ts'
import { FailedAuth } from './auth/failed-auth.ts'
import { boundaryWith } from './boundary.ts'
import { checkGatewayOptions, type GatewayOptions, gatewayDefaults } from './gateway-options.ts'
import { httpApp } from './http/http-app.ts'
import { type Peer, peerOf } from './http/peer.ts'
import { refuseUnreadable, unreadableRequest } from './http/unreadable-request.ts'
import { limitDefaults } from './limits.ts'
import { type MethodTable, methodTable } from './methods/method-table.ts'
import { publisher } from './methods/publisher.ts'
import { startHooks } from './methods/start-hooks.ts'
import { Turns } from './turns.ts'
import { RunOutcomes } from './ws/hub/run-outcomes.ts'
import { SessionHub } from './ws/hub/session-hub.ts'
import { builtInMethods } from './ws/methods/built-in.ts'
import type { Readiness, World } from './ws/methods/call.ts'
import { SocketServer } from './ws/socket-server.ts'
import { asksForWebSocket } from './ws/upgrade.ts'

/** Milliseconds for answers that are still being sent when the time for runs is over. */
const closeGraceMs = 1_000

export class Gateway implements AsyncDisposable {
  readonly #options: Pick<Required<GatewayOptions>, 'claw' | 'host' | 'port' | 'drainMs'>
  readonly #services: SystemServices
  readonly #table: MethodTable
  readonly #sockets: SocketServer
  readonly #server: Server
  /** Resolves once clients know of every run that is over. */
  readonly #told: () => Promise<unknown>
  readonly #closing = new AbortController()
  #readiness: Readiness = 'ready'
  #stopped: Promise<void> | undefined
  /** Ends the `onStart` hooks of the fragments. */
  #endHooks: () => void = () => {}
  /** The HTTP side, for programs that have a server of their own. `peer` says who asks, where that is known. */
  readonly handler: (request: Request, peer?: Peer) => Response | Promise<Response>

  /** Throws `invalid-option`, also for a host that others can reach without a token, and for `methods` that do not fit together. */
  constructor(options: GatewayOptions) {
    checkGatewayOptions(options)
    const limits = { ...limitDefaults, ...options.limits }
    const settings: Required<Omit<GatewayOptions, 'limits' | 'services'>> = { ...gatewayDefaults, ...options }
    const { claw, auth, host, version } = settings
    if (auth.mode === 'none' && !isLoopback(host)) {
      throw new BeamClawError('invalid-option', `Gateway: host "${host}" can be reached by others, so auth must have mode "token"`)
    }
    this.#options = settings
    this.#services = systemServices(options.services)
    const { clock, logger } = this.#services
    const startedAt = clock.monotonic()
    const rules = { host, allowedHosts: settings.allowedHosts, allowedOrigins: settings.allowedOrigins }
    const failedAuth = new FailedAuth(limits.maxFailedAuthPerMinute, () => clock.monotonic())
    const boundary = boundaryWith(logger)
    const hub = new SessionHub({ claw, clock, logger, boundary })
    const uptimeMs = (): number => Math.max(0, Math.round(clock.monotonic() - startedAt))
    // A gateway whose BeamClaw has ended answers nobody: whoever looks after it should know.
    const readiness = (): Readiness => (claw.isRunning ? this.#readiness : 'draining')
    const shared = { claw, version, uptimeMs, readiness, turns: new Turns() }
    const now = (): number => clock.now()
    const closing = this.#closing.signal
    // One for each run that is waited for; Node would warn of more than ten.
    setMaxListeners(0, closing)
    const app = httpApp({ ...shared, auth, failedAuth, rules, limits, models: settings.models, logger, now, closing, hub })
    this.handler = (request, peer = {}) => app.fetch(request, peer)
    const outcomes = new RunOutcomes()
    this.#told = () => Promise.all([hub.atRest(), outcomes.atRest()])
    const world: World = { ...shared, services: this.#services, hub, outcomes, connections: () => this.#sockets.size }
    this.#table = methodTable([...builtInMethods(world), ...settings.methods], (events) =>
      publisher(events, { tellAll: (event) => this.#sockets.tellAll(event), logger }),
    )
    this.#sockets = new SocketServer({ world, table: this.#table, auth, rules, limits, failedAuth, boundary })
    const serverOptions = {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(1_000, limits.headersMs, limits.requestMs),
      // Where Node has it (from 22.21 and 24.9 on), a request for another protocol is answered over HTTP.
      shouldUpgradeCallback: asksForWebSocket,
    }
    const listener: RequestListener = getRequestListener(
      (request, { incoming, outgoing }) => this.handler(request, peerOf(incoming, outgoing as ServerResponse)),
      {
        errorHandler: unreadableRequest,
      },
    )
    this.#server = createServer(serverOptions, boundary('request', listener, refuseUnreadable))
    this.#sockets.listen(this.#server)
  }

  /**
   * Calls the `onStart` hooks of the fragments, opens the port and resolves with the address. Rejects `invalid-option` when the port is taken or
   * not allowed, and with what a hook threw.
   */
  async start(): Promise<{ readonly host: string; readonly port: number; readonly url: string }> {
    const { host, port } = this.#options
    const { logger } = this.#services
    const endHooks = startHooks(this.#table.hooks, logger)
    try {
      await this.#listen(host, port)
    } catch (error) {
      endHooks()
      throw error
    }
    this.#endHooks = endHooks
    const address = this.#server.address() as AddressInfo
    const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address
    return { host: address.address, port: address.port, url: `http://${shownHost}:${address.port}` }
  }

  /**
   * Tells clients, refuses new work (the BeamClaw does, too), waits up to `drainMs` for the runs under way, closes every connection and the
   * port. What is not done by then goes on when the BeamClaw is next up. May be called again; resolves when all that is done.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #listen(host: string, port: number): Promise<void> {
    const { logger } = this.#services
    return new Promise<void>((resolve, reject) => {
      this.#server.on('error', (cause: NodeJS.ErrnoException) => {
        if (this.#server.listening) logger.log('warn', 'gateway.server-error', { code: cause.code ?? 'unknown' })
        else reject(portError(cause, host, port))
      })
      this.#server.listen(port, host, resolve)
    })
  }

  async #stop(): Promise<void> {
    this.#readiness = 'draining'
    if (!this.#server.listening) return
    const { claw, drainMs } = this.#options
    this.#sockets.tellShutdown('service restart')
    const isDone = await this.#within(drainMs, Promise.race([claw.drain().then(this.#told), claw.ended]))
    this.#sockets.close()
    this.#endHooks()
    if (!isDone) this.#closing.abort()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    await this.#within(closeGraceMs, closed)
    this.#server.closeAllConnections()
    await closed
  }

  /** Waits, but not longer than this; false when that was not enough. */
  async #within(ms: number, work: Promise<unknown>): Promise<boolean> {
    const late = Promise.withResolvers<false>()
    const timer = this.#services.clock.setTimer(() => late.resolve(false), ms)
    try {
      return await Promise.race([work.then(() => true), late.promise])
    } finally {
      timer.cancel()
    }
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
