/** The WebSocket side of the port: upgrades, handshakes and incoming frames. */
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ConnectChallenge, closeCodes, requestFrame } from '@beamclaw/protocol'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { plainAddress } from '../auth/addresses.ts'
import type { FailedAuth } from '../auth/failed-auth.ts'
import type { SiteRules } from '../auth/site-check.ts'
import { bearerToken, type GatewayAuth, isToken } from '../auth/token-auth.ts'
import type { Boundary } from '../boundary.ts'
import type { HttpFailure } from '../http/http-failure.ts'
import { parseJson } from '../json.ts'
import type { GatewayLimits } from '../limits.ts'
import type { MethodTable } from '../methods/method-table.ts'
import { check } from '../schema-check.ts'
import { Connection } from './connection.ts'
import { dispatch } from './dispatch.ts'
import { describeIssue } from './failure.ts'
import { type Decision, decide, refusedFrame } from './handshake.ts'
import { Heartbeat } from './heartbeat.ts'
import { type HelloFacts, helloOf } from './hello.ts'
import type { World } from './methods/call.ts'
import { builtInEvent, type PreparedEvent } from './prepared-event.ts'
import { gatewayStops, refuseUpgrade, tooManyConnections, unreadableUpgrade, upgradeProblem, wrongBearer } from './upgrade.ts'
import { WriteBatch } from './write-batch.ts'

export interface SocketServerOptions {
  readonly world: World
  readonly table: MethodTable
  readonly auth: GatewayAuth
  readonly rules: SiteRules
  readonly limits: GatewayLimits
  readonly failedAuth: FailedAuth
  readonly boundary: Boundary
}

/** Milliseconds for a client's reply to a close frame. */
const closeGraceMs = 1_000

/**
 * Phases: `open → closed`. Owns the connections, the counts by address, and the heartbeat.
 *
 * - I1: a connection is in `#connections` from its upgrade until its socket is closed, and in `#unauthenticated` until its handshake is over.
 * - I2: one address has at most `maxUnauthenticatedPerAddress` connections before their handshake.
 * - I3: a request is checked before the upgrade, so that a foreign page cannot occupy a connection.
 */
export class SocketServer {
  readonly #options: SocketServerOptions
  readonly #server: WebSocketServer
  readonly #connections = new Set<Connection>()
  readonly #unauthenticated = new Set<Connection>()
  readonly #byAddress = new Map<string, number>()
  readonly #batch = new WriteBatch()
  readonly #heartbeat: Heartbeat
  #isClosed = false

  constructor(options: SocketServerOptions) {
    this.#options = options
    const serverOptions = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.limits.maxPayload,
      // Not in the library's types yet.
      closeTimeout: closeGraceMs,
    }
    this.#server = new WebSocketServer(serverOptions)
    this.#heartbeat = new Heartbeat({
      clock: options.world.services.clock,
      limits: options.limits,
      boundary: options.boundary,
      connections: this.#connections,
      unauthenticated: this.#unauthenticated,
    })
  }

  /** Listens for upgrades of an HTTP server. A request that no handler can deal with is rejected with 400. */
  listen(server: Server): void {
    const { boundary } = this.#options
    const handler = (request: IncomingMessage, socket: Duplex, head: Buffer): void => this.#upgrade(request, socket, head)
    server.on(
      'upgrade',
      boundary('upgrade', handler, (_request, socket) => refuseUpgrade(socket, unreadableUpgrade())),
    )
  }

  /** Notifies all clients that the gateway is about to stop. */
  tellShutdown(reason: string): void {
    this.tellAll(builtInEvent('shutdown', { reason }))
  }

  /** Sends an event to every connection that may receive it. */
  tellAll(event: PreparedEvent): void {
    for (const connection of this.#connections) connection.tell(event)
  }

  /** Number of connections. */
  get size(): number {
    return this.#connections.size
  }

  /** Closes every connection and accepts no more. */
  close(): void {
    this.#isClosed = true
    this.#heartbeat.stop()
    for (const connection of this.#connections) connection.close(closeCodes.restarting, 'service restart')
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const address = plainAddress(request.socket.remoteAddress ?? '')
    const problem = this.#problemOf(request, address)
    if (problem !== undefined) return refuseUpgrade(socket, problem)
    this.#server.handleUpgrade(request, socket, head, (ws) => this.#open(ws, socket as Socket, address))
  }

  /** Returns why the request is rejected; checked before the upgrade, so that a foreign page cannot occupy a connection. */
  #problemOf(request: IncomingMessage, address: string): HttpFailure | undefined {
    const { rules, limits, auth, failedAuth, world } = this.#options
    if (this.#isClosed) return gatewayStops()
    const problem = upgradeProblem(request, rules)
    if (problem !== undefined) return problem
    const { authorization } = request.headers
    if (auth.mode === 'token' && authorization !== undefined && !isToken(auth, bearerToken(authorization))) {
      failedAuth.record(address)
      return wrongBearer()
    }
    if ((this.#byAddress.get(address) ?? 0) < limits.maxUnauthenticatedPerAddress) return undefined
    return tooManyConnections(limits.maxUnauthenticatedPerAddress, world.services.random)
  }

  #open(ws: WebSocket, socket: Socket, address: string): void {
    const { limits, boundary, world } = this.#options
    const { clock } = world.services
    const connection = new Connection({
      id: crypto.randomUUID(),
      ws,
      socket,
      batch: this.#batch,
      address,
      connectedAt: clock.monotonic(),
      maxBufferedBytes: limits.maxBufferedBytes,
    })
    this.#connections.add(connection)
    this.#unauthenticated.add(connection)
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1)
    this.#limitBeforeAuth(connection, socket)
    const giveUp = (): void => connection.close(closeCodes.internal)
    ws.on(
      'message',
      boundary('message', (data: RawData) => this.#receive(connection, data), giveUp),
    )
    ws.on('pong', () => {
      connection.isAlive = true
    })
    // The close code tells the client what is wrong; it is not worth a log entry.
    ws.on('error', () => {
      connection.isClosing = true
    })
    ws.on(
      'close',
      boundary('close', () => this.#leave(connection)),
    )
    this.#heartbeat.arm()
    const challenge: ConnectChallenge = { nonce: crypto.randomUUID(), ts: Math.round(clock.now()) }
    connection.tellUncounted('connect.challenge', challenge)
  }

  /** Bounds the memory of an unauthenticated client. */
  #limitBeforeAuth(connection: Connection, socket: Socket): void {
    let bytes = 0
    const count = (chunk: Buffer): void => {
      bytes += chunk.length
      if (!this.#unauthenticated.has(connection)) socket.off('data', count)
      else if (bytes > this.#options.limits.maxPayloadBeforeAuth) connection.close(closeCodes.tooLarge)
    }
    socket.on('data', count)
  }

  #leave(connection: Connection): void {
    connection.leave()
    this.#connections.delete(connection)
    this.#authenticated(connection)
    this.#options.world.hub.leave(connection)
  }

  /** Called when its handshake is over, with or without success. */
  #authenticated(connection: Connection): void {
    if (!this.#unauthenticated.delete(connection)) return
    const left = (this.#byAddress.get(connection.address) ?? 1) - 1
    if (left === 0) this.#byAddress.delete(connection.address)
    else this.#byAddress.set(connection.address, left)
  }

  #receive(connection: Connection, data: RawData): Promise<void> | undefined {
    if (connection.isClosing) return undefined
    connection.isAlive = true
    const { limits, table, world } = this.#options
    const text = String(data)
    if (connection.grant === undefined && text.length > limits.maxPayloadBeforeAuth) {
      connection.close(closeCodes.tooLarge)
      return undefined
    }
    const parsed = parseJson(text, { maxDepth: limits.maxDepth, maxValues: limits.maxFrameValues })
    if (connection.grant !== undefined) {
      const { clock, logger } = world.services
      return 'value' in parsed ? dispatch(parsed.value, connection, { table, clock, logger, limits }) : undefined
    }
    this.#greet(connection, parsed)
    return undefined
  }

  #greet(connection: Connection, parsed: ReturnType<typeof parseJson>): void {
    if (!('value' in parsed)) return connection.close(closeCodes.normal)
    const frame = check(requestFrame, parsed.value)
    const id = idOf(parsed.value)
    const decision = !frame.success
      ? refusedFrame(describeIssue(frame.error, 'request frame'))
      : frame.data.method === 'connect'
        ? this.#decide(connection, frame.data.params)
        : refusedFrame('invalid handshake: the first request must be connect')
    if (decision.type === 'granted') {
      connection.grant = decision.grant
      this.#authenticated(connection)
      return connection.answer(id, helloOf(connection, this.#facts()))
    }
    if (decision.wasWrongToken) this.#options.failedAuth.record(connection.address)
    connection.refuse(id, decision.error)
    connection.close(decision.close, decision.reason)
  }

  #decide(connection: Connection, params: unknown): Decision {
    const { auth, failedAuth, table, world } = this.#options
    return decide(params, {
      auth,
      scopes: table.scopes,
      takesConnections: world.admission.takesConnections,
      retryAfterMs: failedAuth.retryAfterMs(connection.address),
    })
  }

  #facts(): HelloFacts {
    const { limits, table, world } = this.#options
    return { limits, table, version: world.version, uptimeMs: world.uptimeMs(), now: world.services.clock.now() }
  }
}

/** Returns the id for the response; a frame without one gets an id that no client uses. */
function idOf(frame: unknown): string {
  const id = typeof frame === 'object' && frame !== null && 'id' in frame ? frame.id : undefined
  return typeof id === 'string' && id !== '' ? id : 'invalid'
}
