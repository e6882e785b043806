/** The WebSocket side of the port: who gets in, and what comes in. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ConnectChallenge, closeCodes, eventScopes, type HelloOk, methods, protocolVersion, requestFrame } from '@beamclaw/protocol'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { plainAddress } from '../auth/addresses.ts'
import type { FailedAuth } from '../auth/failed-auth.ts'
import { isOwnOrigin, type SiteRules } from '../auth/site-check.ts'
import type { GatewayAuth } from '../auth/token-auth.ts'
import { parseJson } from '../json.ts'
import type { GatewayLimits } from '../limits.ts'
import { Connection } from './connection.ts'
import { dispatch } from './dispatch.ts'
import { describeIssue } from './failure.ts'
import { type Decision, decide, refusedFrame } from './handshake.ts'
import { Heartbeat } from './heartbeat.ts'
import type { World } from './methods/call.ts'
import { PreparedEvent } from './prepared-event.ts'
import { gatewayStops, refuseUpgrade, tooManyConnections, upgradeProblem } from './upgrade.ts'
import { WriteBatch } from './write-batch.ts'

export interface SocketServerOptions {
  readonly world: Omit<World, 'connections'>
  readonly auth: GatewayAuth
  readonly rules: SiteRules
  readonly limits: GatewayLimits
  readonly failedAuth: FailedAuth
}

/** Milliseconds that a client has to answer a close. */
const closeGraceMs = 1_000

export class SocketServer {
  readonly #options: SocketServerOptions
  readonly #world: World
  readonly #server: WebSocketServer
  readonly #connections = new Set<Connection>()
  readonly #unauthenticated = new Set<Connection>()
  readonly #byAddress = new Map<string, number>()
  readonly #batch = new WriteBatch()
  readonly #heartbeat: Heartbeat
  #isClosed = false

  constructor(options: SocketServerOptions) {
    this.#options = options
    this.#world = { ...options.world, connections: () => this.#connections.size }
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
      clock: options.world.ambient.clock,
      limits: options.limits,
      connections: this.#connections,
      unauthenticated: this.#unauthenticated,
    })
  }

  /** Listens to an HTTP server's `upgrade`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { rules, limits } = this.#options
    const address = plainAddress(request.socket.remoteAddress ?? '')
    const problem = this.#isClosed ? gatewayStops() : upgradeProblem(request, rules)
    if (problem !== undefined) return refuseUpgrade(socket, problem)
    if ((this.#byAddress.get(address) ?? 0) >= limits.maxUnauthenticatedPerAddress) {
      return refuseUpgrade(socket, tooManyConnections(limits.maxUnauthenticatedPerAddress, this.#world.ambient.random))
    }
    const { host, origin } = request.headers
    const isOriginAllowed = isOwnOrigin(rules, origin, host)
    this.#server.handleUpgrade(request, socket, head, (ws) => this.#open(ws, socket as Socket, address, isOriginAllowed))
  }

  /** Tells everybody that the gateway is about to stop. */
  tellShutdown(reason: string): void {
    const event = new PreparedEvent('shutdown', { reason })
    for (const connection of this.#connections) connection.tell(event)
  }

  /** Closes every connection, and takes no more. */
  close(): void {
    this.#isClosed = true
    this.#heartbeat.stop()
    for (const connection of this.#connections) connection.close(closeCodes.restarting, 'service restart')
  }

  #open(ws: WebSocket, socket: Socket, address: string, isOriginAllowed: boolean): void {
    const { limits } = this.#options
    const { clock } = this.#world.ambient
    const connection = new Connection({
      id: crypto.randomUUID(),
      ws,
      socket,
      batch: this.#batch,
      address,
      isOriginAllowed,
      connectedAt: clock.monotonic(),
      maxBufferedBytes: limits.maxBufferedBytes,
    })
    this.#connections.add(connection)
    this.#unauthenticated.add(connection)
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1)
    this.#limitBeforeAuth(connection, socket)
    ws.on('message', (data) => this.#receive(connection, data))
    ws.on('pong', () => {
      connection.isAlive = true
    })
    // What is wrong with a connection is told to its client by the close code; nobody else has to know.
    ws.on('error', () => {
      connection.isClosing = true
    })
    ws.on('close', () => this.#leave(connection))
    this.#heartbeat.arm()
    const challenge: ConnectChallenge = { nonce: crypto.randomUUID(), ts: Math.round(clock.now()) }
    connection.tellUncounted('connect.challenge', challenge)
  }

  /** Who has not shown who it is may not make us keep much. */
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
    connection.isClosing = true
    this.#connections.delete(connection)
    this.#authenticated(connection)
    this.#world.hub.leave(connection)
  }

  /** Its handshake is over, one way or the other. */
  #authenticated(connection: Connection): void {
    if (!this.#unauthenticated.delete(connection)) return
    const left = (this.#byAddress.get(connection.address) ?? 1) - 1
    if (left === 0) this.#byAddress.delete(connection.address)
    else this.#byAddress.set(connection.address, left)
  }

  #receive(connection: Connection, data: RawData): void {
    if (connection.isClosing) return
    connection.isAlive = true
    const { limits } = this.#options
    const text = String(data)
    if (connection.grant === undefined && text.length > limits.maxPayloadBeforeAuth) return connection.close(closeCodes.tooLarge)
    const parsed = parseJson(text, limits.maxDepth)
    if (connection.grant === undefined) return this.#greet(connection, parsed)
    if ('value' in parsed) void dispatch(parsed.value, connection, this.#world, limits)
  }

  #greet(connection: Connection, parsed: ReturnType<typeof parseJson>): void {
    if (!('value' in parsed)) return connection.close(closeCodes.normal)
    const frame = requestFrame.safeParse(parsed.value)
    const id = idOf(parsed.value)
    const decision = !frame.success
      ? refusedFrame(describeIssue(frame.error, 'request frame'))
      : frame.data.method === 'connect'
        ? this.#decide(connection, frame.data.params)
        : refusedFrame('invalid handshake: the first request must be connect')
    if (decision.type === 'granted') {
      connection.grant = decision.grant
      this.#authenticated(connection)
      return connection.answer(id, this.#hello(connection))
    }
    if (decision.wasWrongToken) this.#options.failedAuth.record(connection.address)
    connection.refuse(id, decision.error)
    connection.close(decision.close, decision.reason)
  }

  #decide(connection: Connection, params: unknown): Decision {
    const { auth, failedAuth } = this.#options
    return decide(params, {
      auth,
      isOriginAllowed: connection.isOriginAllowed,
      isDraining: this.#world.readiness() === 'draining',
      retryAfterMs: failedAuth.retryAfterMs(connection.address),
    })
  }

  #hello(connection: Connection): HelloOk {
    const { limits } = this.#options
    const { ambient, version, uptimeMs } = this.#world
    return {
      type: 'hello-ok',
      protocol: protocolVersion,
      server: { version, connId: connection.id },
      features: { methods: Object.keys(methods), events: Object.keys(eventScopes) },
      snapshot: {
        presence: [],
        health: { ok: true, ts: Math.round(ambient.clock.now()) },
        stateVersion: { presence: 0, health: 0 },
        uptimeMs: uptimeMs(),
      },
      auth: { role: 'operator', scopes: [...(connection.grant?.scopes ?? [])] },
      policy: { maxPayload: limits.maxPayload, maxBufferedBytes: limits.maxBufferedBytes, tickIntervalMs: limits.tickIntervalMs },
    }
  }
}

/** The id that an answer goes to; a frame without one gets a name that no client uses. */
function idOf(frame: unknown): string {
  const id = typeof frame === 'object' && frame !== null && 'id' in frame ? frame.id : undefined
  return typeof id === 'string' && id !== '' ? id : 'invalid'
}
