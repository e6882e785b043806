/**
 * The connections that watch one session, and the runs that each receives.
 *
 * A connection is here while it has an interest: every run (`all`), or the runs of messages that it sent (`runs`).
 * I1: the events of a run whose sender waits for its response are held back, in order, until `release`. I2: a connection without an interest is
 * dropped, and `onLeft` is called once for each drop.
 */
import type { Connection } from '../connection.ts'
import type { PreparedEvent } from '../prepared-event.ts'

export interface WatchersOptions {
  /** Connections that watch every session, and so every run of this one. */
  readonly everywhere: ReadonlySet<Connection>
  /** Called when a connection has no interest any more. */
  readonly onLeft: (connection: Connection) => void
}

/** The interest of one connection in the session. */
interface Interest {
  /** Whether it receives every run, and not only those below. */
  all: boolean
  readonly runs: Set<string>
  /** Events of runs whose sender waits for its response, which must come first. */
  readonly held: Map<string, PreparedEvent[]>
}

export class Watchers {
  readonly #options: WatchersOptions
  readonly #interests = new Map<Connection, Interest>()

  constructor(options: WatchersOptions) {
    this.#options = options
  }

  /** Returns true when no connection watches the session, not even one that watches all. */
  get isEmpty(): boolean {
    return this.#interests.size === 0 && this.#options.everywhere.size === 0
  }

  /** Returns true while a connection waits for the end of a run that it sent. */
  get hasRuns(): boolean {
    return [...this.#interests.values()].some(({ runs }) => runs.size > 0)
  }

  /** Delivers every run from now on. */
  watch(connection: Connection): void {
    this.#interest(connection).all = true
  }

  /** Delivers only the runs that the connection sent itself from now on. */
  unwatch(connection: Connection): void {
    const interest = this.#interests.get(connection)
    if (interest === undefined) return
    interest.all = false
    this.#dropIfDone(connection, interest)
  }

  /** Delivers these runs, too; events of the first are held back, after `said`, until `release`. */
  expect(connection: Connection, runs: readonly [string, ...string[]], said: readonly PreparedEvent[]): void {
    const interest = this.#interest(connection)
    for (const runId of runs) interest.runs.add(runId)
    interest.held.set(runs[0], [...said])
  }

  /** Sends the events held back of this run. */
  release(connection: Connection, runId: string): void {
    const interest = this.#interests.get(connection)
    const held = interest?.held.get(runId)
    interest?.held.delete(runId)
    for (const event of held ?? []) connection.tell(event)
    if (interest !== undefined) this.#dropIfDone(connection, interest)
  }

  /** Stops delivering this run. */
  forget(connection: Connection, runId: string): void {
    this.#interests.get(connection)?.runs.delete(runId)
  }

  /** Called when the runs are over. */
  end(runs: readonly string[]): void {
    for (const [connection, interest] of this.#interests) {
      for (const runId of runs) interest.runs.delete(runId)
      this.#dropIfDone(connection, interest)
    }
  }

  /** Delivers a run to the senders of messages that joined it. */
  join(runId: string, members: readonly string[]): void {
    for (const { runs } of this.#interests.values()) if (members.some((member) => runs.has(member))) runs.add(runId)
  }

  drop(connection: Connection): void {
    this.#interests.delete(connection)
    this.#options.onLeft(connection)
  }

  /** Sends an event of a run to every connection that receives it. */
  tell(runId: string, event: PreparedEvent): void {
    const { everywhere } = this.#options
    for (const [connection, { all, runs, held }] of this.#interests) {
      if (!all && !runs.has(runId) && !everywhere.has(connection)) continue
      const waiting = held.size === 0 ? undefined : held.get(runId)
      if (waiting === undefined) connection.tell(event)
      else waiting.push(event)
    }
    for (const connection of everywhere) if (!this.#interests.has(connection)) connection.tell(event)
  }

  #interest(connection: Connection): Interest {
    const known = this.#interests.get(connection)
    if (known !== undefined) return known
    const interest: Interest = { all: false, runs: new Set(), held: new Map() }
    this.#interests.set(connection, interest)
    return interest
  }

  #dropIfDone(connection: Connection, { all, runs, held }: Interest): void {
    if (!all && runs.size === 0 && held.size === 0) this.drop(connection)
  }
}
