/** Which connections receive the events of which sessions. */
import type { Clock, Logger, RunningBeamClaw, RunStream, SessionKey } from '@beamclaw/core'
import type { Boundary } from '../../boundary.ts'
import type { Connection } from '../connection.ts'
import type { RunListener } from './run-listener.ts'
import { WatchedSession } from './watched-session.ts'

export interface SessionHubOptions {
  readonly claw: RunningBeamClaw
  readonly clock: Clock
  readonly logger: Logger
  readonly boundary: Boundary
}

/**
 * Owns one `WatchedSession` for each session with a watcher, reader or unfinished run of this gateway.
 *
 * - I1: a session's events are read once, however many connections watch it.
 * - I2: a session leaves the hub when its last watcher, reader and run are gone.
 * - I3: after `leave` no structure refers to the connection.
 */
export class SessionHub {
  readonly #options: SessionHubOptions
  readonly #sessions = new Map<SessionKey, WatchedSession>()
  readonly #everywhere = new Set<Connection>()
  readonly #watchedBy = new Map<Connection, Set<WatchedSession>>()

  constructor(options: SessionHubOptions) {
    this.#options = options
  }

  /** Returns a session, and records that `connection` may watch it until it leaves. */
  session(key: SessionKey, connection: Connection): WatchedSession {
    const session = this.#session(key)
    const watched = this.#watchedBy.get(connection)
    if (watched === undefined) this.#watchedBy.set(connection, new Set([session]))
    else watched.add(session)
    return session
  }

  /** Called before a message is sent to this session by other means, so that connections that watch every session receive its events. */
  async touch(key: SessionKey): Promise<void> {
    if (this.#everywhere.size > 0) await this.#session(key).open()
  }

  /** Sends a message and returns a listener that misses no event of its run. */
  async sendAndListen(key: SessionKey, send: () => RunStream): Promise<{ readonly run: RunStream; readonly live: RunListener }> {
    const session = this.#session(key)
    try {
      await session.open()
      const run = send()
      return { run, live: session.listen(run.runId) }
    } catch (error) {
      session.closeIfUnwatched()
      throw error
    }
  }

  /** Stops watching; the runs that the connection sent itself are still delivered. */
  unwatch(key: SessionKey, connection: Connection): void {
    this.#sessions.get(key)?.unwatch(connection)
  }

  /** Returns the number of sessions that this connection watches. */
  watchedBy(connection: Connection): number {
    return this.#watchedBy.get(connection)?.size ?? 0
  }

  watchEverything(connection: Connection): void {
    if (this.#everywhere.has(connection)) return
    this.#everywhere.add(connection)
    for (const session of this.#sessions.values()) session.catchUp(connection)
  }

  unwatchEverything(connection: Connection): void {
    if (!this.#everywhere.delete(connection)) return
    for (const session of [...this.#sessions.values()]) session.closeIfUnwatched()
  }

  isEverywhere(connection: Connection): boolean {
    return this.#everywhere.has(connection)
  }

  /**
   * Resolves once every sender of a message has received the end of its run: with true, or with false when some of them wait for an approval, which may take
   * for ever.
   */
  async atRest(isParked: (key: SessionKey) => Promise<boolean>): Promise<boolean> {
    const told = await Promise.all(
      [...this.#sessions].map(async ([key, session]) => {
        if (session.hasUntold && (await isParked(key))) return false
        await session.atRest()
        return true
      }),
    )
    return told.every(Boolean)
  }

  /** Called when the connection is closed. */
  leave(connection: Connection): void {
    this.unwatchEverything(connection)
    for (const session of [...(this.#watchedBy.get(connection) ?? [])]) session.leave(connection)
    this.#watchedBy.delete(connection)
  }

  #session(key: SessionKey): WatchedSession {
    const known = this.#sessions.get(key)
    if (known !== undefined) return known
    const { claw, clock, logger, boundary } = this.#options
    const session = new WatchedSession({
      handle: claw.session(key),
      clock,
      logger,
      boundary,
      everywhere: this.#everywhere,
      onLeft: (connection) => this.#watchedBy.get(connection)?.delete(session),
      onUnwatched: () => {
        if (this.#sessions.get(key) === session) this.#sessions.delete(key)
      },
    })
    this.#sessions.set(key, session)
    return session
  }
}
