/**
 * The connections that hear of one session, and what each wants to hear.
 *
 * A connection is here from its first wish until it has none left: every run (`all`), or runs whose message it has sent (`runs`).
 * I1: the events of a run whose sender waits for the answer are held back, in order, until `release`. I2: a connection without a wish is
 * dropped, and `onLeft` is called once for each drop.
 */
import type { Connection } from '../connection.ts'
import type { PreparedEvent } from '../prepared-event.ts'

export interface WatchersOptions {
  /** Connections that watch every session; they hear every run of this one. */
  readonly everywhere: ReadonlySet<Connection>
  /** Called when a connection wants to hear nothing more. */
  readonly onLeft: (connection: Connection) => void
}

/** What one connection wants to hear of the session. */
interface Interest {
  /** Every run, and not only those below. */
  all: boolean
  readonly runs: Set<string>
  /** Events of runs whose sender has not got its answer yet, which comes first. */
  readonly held: Map<string, PreparedEvent[]>
}

export class Watchers {
  readonly #options: WatchersOptions
  readonly #interests = new Map<Connection, Interest>()

  constructor(options: WatchersOptions) {
    this.#options = options
  }

  /** Returns true when no connection wants to hear of the session, not even of all sessions. */
  get isEmpty(): boolean {
    return this.#interests.size === 0 && this.#options.everywhere.size === 0
  }

  /** Returns true while a connection waits for the end of a run that it has sent. */
  get hasRuns(): boolean {
    return [...this.#interests.values()].some(({ runs }) => runs.size > 0)
  }

  /** Every run, from now on. */
  watch(connection: Connection): void {
    this.#interest(connection).all = true
  }

  /** Only the runs that it has itself sent, from now on. */
  unwatch(connection: Connection): void {
    const interest = this.#interests.get(connection)
    if (interest === undefined) return
    interest.all = false
    this.#dropIfDone(connection, interest)
  }

  /** These runs, too; what comes of the first is held back after `said`, until `release`. */
  expect(connection: Connection, runs: readonly [string, ...string[]], said: readonly PreparedEvent[]): void {
    const interest = this.#interest(connection)
    for (const runId of runs) interest.runs.add(runId)
    interest.held.set(runs[0], [...said])
  }

  /** Sends what was held back of this run. */
  release(connection: Connection, runId: string): void {
    const interest = this.#interests.get(connection)
    const held = interest?.held.get(runId)
    interest?.held.delete(runId)
    for (const event of held ?? []) connection.tell(event)
    if (interest !== undefined) this.#dropIfDone(connection, interest)
  }

  /** Not this run any more. */
  forget(connection: Connection, runId: string): void {
    this.#interests.get(connection)?.runs.delete(runId)
  }

  /** The runs are over: nobody waits for them any more. */
  end(runs: readonly string[]): void {
    for (const [connection, interest] of this.#interests) {
      for (const runId of runs) interest.runs.delete(runId)
      this.#dropIfDone(connection, interest)
    }
  }

  /** Senders of messages that joined a run hear of that run. */
  join(runId: string, members: readonly string[]): void {
    for (const { runs } of this.#interests.values()) if (members.some((member) => runs.has(member))) runs.add(runId)
  }

  drop(connection: Connection): void {
    this.#interests.delete(connection)
    this.#options.onLeft(connection)
  }

  /** Sends an event of a run to every connection that wants it. */
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
