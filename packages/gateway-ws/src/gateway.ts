/** The gateway: HTTP and WebSocket clients of a running BeamClaw, on one port. */
import { setMaxListeners } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BeamClawError, type SessionKey, type SystemServices, systemServices } from '@beamclaw/core'
import { getRequestListener } from '@hono/node-server'
import { Admission } from './admission.ts'
import { isLoopback } from './auth/addresses.ts'
import { FailedAuth } from './auth/failed-auth.ts'
import { boundaryWith } from './boundary.ts'
import { ClusterReport } from './cluster/cluster-report.ts'
import { NodeLoad } from './cluster/node-load.ts'
import { checkGatewayOptions, type GatewayOptions, gatewayDefaults } from './gateway-options.ts'
import { httpApp } from './http/http-app.ts'
import { type Peer, peerOf } from './http/peer.ts'
import { RequestsUnderWay } from './http/requests-under-way.ts'
import { refuseUnreadable, unreadableRequest } from './http/unreadable-request.ts'
import { limitDefaults } from './limits.ts'
import { type MethodTable, methodTable } from './methods/method-table.ts'
import { publisher } from './methods/publisher.ts'
import { startHooks } from './methods/start-hooks.ts'
import { Turns } from './turns.ts'
import { RunOutcomes } from './ws/hub/run-outcomes.ts'
import { SessionHub } from './ws/hub/session-hub.ts'
import { builtInMethods } from './ws/methods/built-in.ts'
import type { World } from './ws/methods/call.ts'
import { SocketServer } from './ws/socket-server.ts'
import { asksForWebSocket } from './ws/upgrade.ts'

/** Milliseconds for responses that are still being sent when the time for runs is over. */
const closeGraceMs = 1_000

/**
 * Serves a running BeamClaw on one port: OpenAI's Chat Completions over HTTP, and the gateway protocol over WebSocket.
 *
 * Phases: `new → listening → draining → stopped`. Owns the HTTP server, the connections and the hub; the BeamClaw belongs to the host, which
 * stops it after the gateway.
 *
 * - I1: an event that clients see was durable before, or is marked as provisional.
 * - I2: from `stop` on new work is accepted only while another node can carry it out; runs and requests get `drainMs`, and an unfinished run
 *   continues at another node, or at the BeamClaw's next start.
 * - I3: no error of a handler, hook or client ends the process: it becomes that request's response, or a closed connection.
 * - I4: without a token the gateway listens on loopback only.
 *
 * @example
 * const gateway = new Gateway({ claw: await new BeamClaw({ agents, providers }).start(), port: 4000 })
 * const { url } = await gateway.start() // 'http://127.0.0.1:4000'
 * await gateway.stop()
 */
export class Gateway implements AsyncDisposable {
  readonly #options: Pick<Required<GatewayOptions>, 'claw' | 'host' | 'port' | 'reusePort' | 'drainMs'>
  readonly #services: SystemServices
  readonly #table: MethodTable
  readonly #sockets: SocketServer
  readonly #server: Server
  /** Resolves once clients have seen the end of every run that is over. */
  readonly #told: () => Promise<unknown>
  readonly #cluster: ClusterReport
  readonly #admission: Admission
  readonly #closing = new AbortController()
  #stopped: Promise<void> | undefined
  /** Ends the `onStart` hooks of the fragments. */
  #endHooks: () => void = () => {}
  /** The HTTP side as a function, for a host with a server of its own. `peer` describes the client, as far as the host knows it. */
  readonly handler: (request: Request, peer?: Peer) => Response | Promise<Response>

  /** Throws `invalid-option`, also for a host that other machines can reach without a token, and for `methods` that conflict. */
  constructor(options: GatewayOptions) {
    checkGatewayOptions(options)
    const limits = { ...limitDefaults, ...options.limits }
    const settings: Required<Omit<GatewayOptions, 'limits' | 'services'>> = { ...gatewayDefaults, ...options }
    const { claw, auth, host, version } = settings
    if (auth.mode === 'none' && !isLoopback(host)) {
      throw new BeamClawError(
        'invalid-option',
        `Gateway: host "${host}" can be reached by other machines, so option "auth" must have mode "token"`,
      )
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
    const admission = new Admission(claw, settings.reusePort)
    this.#admission = admission
    this.#cluster = new ClusterReport({ claw, version, uptimeMs, clock, load: new NodeLoad() })
    const shared = { claw, version, uptimeMs, admission, cluster: this.#cluster, turns: new Turns() }
    const now = (): number => clock.now()
    const closing = this.#closing.signal
    // One listener for each run that a request waits for; Node would warn above ten.
    setMaxListeners(0, closing)
    const requests = new RequestsUnderWay()
    const app = httpApp({ ...shared, requests, auth, failedAuth, rules, limits, models: settings.models, logger, now, closing, hub })
    this.handler = (request, peer = {}) => app.fetch(request, peer)
    const outcomes = new RunOutcomes()
    const isParked = async (key: SessionKey): Promise<boolean> => {
      const seen = await claw
        .session(key)
        .inspect()
        .catch(() => undefined)
      return seen?.current?.waitsFor === 'approval'
    }
    this.#told = async () => {
      const isTold = await Promise.all([hub, outcomes, requests].map((one) => one.atRest(isParked)))
      return isTold.every(Boolean)
    }
    const world: World = { ...shared, services: this.#services, hub, outcomes, connections: () => this.#sockets.size }
    this.#table = methodTable([...builtInMethods(world), ...settings.methods], (events) =>
      publisher(events, { tellAll: (event) => this.#sockets.tellAll(event), logger }),
    )
    this.#sockets = new SocketServer({ world, table: this.#table, auth, rules, limits, failedAuth, boundary })
    const serverOptions = {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(1_000, limits.headersMs, limits.requestMs),
      // Where Node supports it (from 22.21 and 24.9 on), a request to upgrade to another protocol is served as plain HTTP.
      shouldUpgradeCallback: asksForWebSocket,
    }
    const listener: RequestListener = getRequestListener(
      (request, { incoming, outgoing }) => {
        // A client that keeps connections open, such as a load balancer, turns to another gateway.
        if (admission.readiness !== 'ready') (outgoing as ServerResponse).setHeader('connection', 'close')
        return this.handler(request, peerOf(incoming, outgoing as ServerResponse))
      },
      {
        errorHandler: unreadableRequest,
      },
    )
    this.#server = createServer(serverOptions, boundary('request', listener, refuseUnreadable))
    this.#sockets.listen(this.#server)
  }

  /**
   * Calls the `onStart` hooks of the fragments, opens the port and resolves with the address. Rejects `invalid-option` when the port is in use or
   * not permitted, and with the error of a hook.
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
   * Notifies clients, rejects new work (in the BeamClaw, too) unless another node is up, waits up to `drainMs` for the runs and requests under way,
   * then closes the port and every connection. Unfinished runs continue at another node, or at the BeamClaw's next start. Idempotent.
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
      this.#server.listen({ port, host, reusePort: this.#options.reusePort }, resolve)
    })
  }

  async #stop(): Promise<void> {
    this.#admission.stop()
    if (!this.#server.listening) return this.#cluster.stop()
    const { claw, drainMs } = this.#options
    const { clock } = this.#services
    const until = clock.monotonic() + drainMs
    const told = (): Promise<unknown> => Promise.race([this.#told(), claw.ended.then(() => true)])
    this.#sockets.tellShutdown('service restart')
    const isDrained = await this.#within(drainMs, Promise.race([claw.drain(), claw.ended]).then(told))
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    // Also for what came in until the port was closed.
    const isDone = isDrained === true && (await this.#within(Math.max(0, until - clock.monotonic()), told())) === true
    this.#sockets.close()
    this.#endHooks()
    this.#cluster.stop()
    if (!isDone) this.#closing.abort()
    await this.#within(closeGraceMs, closed)
    this.#server.closeAllConnections()
    await closed
  }

  /** Waits at most `ms`; resolves with undefined when the time is over. */
  async #within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
    const late = Promise.withResolvers<undefined>()
    const timer = this.#services.clock.setTimer(() => late.resolve(undefined), ms)
    try {
      return await Promise.race([work, late.promise])
    } finally {
      timer.cancel()
    }
  }
}

function portError(cause: NodeJS.ErrnoException, host: string, port: number): BeamClawError {
  const reason =
    cause.code === 'EADDRINUSE'
      ? 'another program listens there; choose another port, or stop that program'
      : cause.code === 'EACCES'
        ? 'this user lacks the permission; choose another port'
        : cause.message
  return new BeamClawError('invalid-option', `Gateway: port ${port} on ${host} cannot be opened: ${reason}`, { cause })
}
