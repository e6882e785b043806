/** Who hears of which session. */
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

export class SessionHub {
  readonly #options: SessionHubOptions
  readonly #sessions = new Map<SessionKey, WatchedSession>()
  readonly #everywhere = new Set<Connection>()
  readonly #watchedBy = new Map<Connection, Set<WatchedSession>>()

  constructor(options: SessionHubOptions) {
    this.#options = options
  }

  /** A session that `connection` may be told of until it leaves. */
  session(key: SessionKey, connection: Connection): WatchedSession {
    const session = this.#session(key)
    const watched = this.#watchedBy.get(connection)
    if (watched === undefined) this.#watchedBy.set(connection, new Set([session]))
    else watched.add(session)
    return session
  }

  /** A message is about to be sent to this session by other means: whoever watches every session hears of it. */
  async touch(key: SessionKey): Promise<void> {
    if (this.#everywhere.size > 0) await this.#session(key).open()
  }

  /** Sends a message, and listens to its run from before it begins. */
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

  /** Runs that the connection has itself sent are still told of. */
  unwatch(key: SessionKey, connection: Connection): void {
    this.#sessions.get(key)?.unwatch(connection)
  }

  /** How many sessions this connection hears of. */
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

  /** Resolves once everybody who sent a message has heard of its end. */
  async atRest(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.atRest()))
  }

  /** The connection is gone. */
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
