/** Timed work for all connections: ticks, pings, and handshake deadlines. */
import type { Clock, TimerHandle } from '@beamclaw/core'
import { closeCodes } from '@beamclaw/protocol'
import type { Boundary } from '../boundary.ts'
import type { GatewayLimits } from '../limits.ts'
import type { Connection } from './connection.ts'
import { builtInEvent } from './prepared-event.ts'

export interface HeartbeatOptions {
  readonly clock: Clock
  readonly limits: Pick<GatewayLimits, 'handshakeMs' | 'tickIntervalMs' | 'pongMs'>
  readonly boundary: Boundary
  readonly connections: ReadonlySet<Connection>
  /** Connections before the end of their handshake, oldest first. */
  readonly unauthenticated: ReadonlySet<Connection>
}

export class Heartbeat {
  /**
   * Phases: `idle` (no timer) `⇄ armed`. Owns one timer for all connections; the socket server owns the sets.
   *
   * - I1: while there are connections, the timer is due at the earliest of next tick, next ping and oldest handshake deadline.
   */
  readonly #options: HeartbeatOptions
  readonly #onTimer: () => void
  #timer: TimerHandle | undefined
  #dueAt = Number.POSITIVE_INFINITY
  #nextTickAt = 0
  #nextPingAt = 0

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#onTimer = options.boundary('heartbeat', () => this.#beat())
  }

  /** Called when a connection was added. */
  arm(): void {
    const { clock, limits, unauthenticated } = this.#options
    const now = clock.monotonic()
    if (this.#timer === undefined) {
      this.#nextTickAt = now + limits.tickIntervalMs
      this.#nextPingAt = now + limits.pongMs
    }
    const [oldest] = unauthenticated
    const silentAt = oldest === undefined ? Number.POSITIVE_INFINITY : oldest.connectedAt + limits.handshakeMs
    const dueAt = Math.min(this.#nextTickAt, this.#nextPingAt, silentAt)
    if (this.#timer !== undefined && dueAt >= this.#dueAt) return
    this.#timer?.cancel()
    this.#dueAt = dueAt
    this.#timer = clock.setTimer(this.#onTimer, Math.max(0, Math.ceil(dueAt - now)), true)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #beat(): void {
    const { clock, limits, connections, unauthenticated } = this.#options
    const now = clock.monotonic()
    for (const connection of unauthenticated) {
      if (connection.connectedAt + limits.handshakeMs > now) break
      connection.close(closeCodes.normal)
    }
    if (now >= this.#nextPingAt) {
      this.#nextPingAt = now + limits.pongMs
      for (const connection of connections) {
        if (connection.isAlive) connection.ping()
        else connection.terminate()
      }
    }
    if (now >= this.#nextTickAt) {
      this.#nextTickAt = now + limits.tickIntervalMs
      const tick = builtInEvent('tick', { ts: Math.round(clock.now()) })
      for (const connection of connections) connection.tell(tick)
    }
    this.#dueAt = Number.POSITIVE_INFINITY
    if (connections.size === 0) return this.stop()
    this.arm()
  }
}
