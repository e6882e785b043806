/** One session that clients watch: its events are read once, and told to all of them. */
import type { Clock, Logger, RunEvent, SessionHandle } from '@beamclaw/core'
import { sessionKeyParts } from '@beamclaw/core'
import type { Connection } from '../connection.ts'
import { historyOrNone } from '../history-or-none.ts'
import { PreparedEvent } from '../prepared-event.ts'
import { RunTeller, type Told } from './run-teller.ts'

export interface WatchedSessionOptions {
  readonly handle: SessionHandle
  readonly clock: Clock
  readonly logger: Logger
  /** Who watches every session. */
  readonly everywhere: ReadonlySet<Connection>
  /** This connection wants to hear nothing more. */
  readonly onLeft: (connection: Connection) => void
  /** Nobody watches any more, and nothing is open. */
  readonly onUnwatched: () => void
}

type TextDelta = Extract<RunEvent, { readonly type: 'text-delta' }>

/** What one connection wants to hear of the session. */
interface Interest {
  /** Every run, and not only those below. */
  all: boolean
  readonly runs: Set<string>
  /** Events of runs whose sender has not got its answer yet, which comes first. */
  readonly held: Map<string, PreparedEvent[]>
}

/** Milliseconds until a feed that failed is opened again. */
const reopenAfterMs = 1_000

/** Messages that are looked at to know which runs are over. */
const lookBack = 100

export class WatchedSession {
  readonly #options: WatchedSessionOptions
  readonly #agentId: string
  readonly #watchers = new Map<Connection, Interest>()
  readonly #tellers = new Map<string, RunTeller>()
  /** Runs that were over before the feed was opened. */
  #over: ReadonlySet<string> = new Set()
  #opening: Promise<void> | undefined
  #piece: TextDelta | undefined
  /** Ends the feed that is read now. */
  #ending: AbortController | undefined
  readonly #onTold: (() => void)[] = []

  constructor(options: WatchedSessionOptions) {
    this.#options = options
    this.#agentId = sessionKeyParts(options.handle.key).agentId
  }

  /** Resolves once nothing that happens from now on is missed. */
  open(): Promise<void> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  /** Every run, from now on; those under way are told of with their text so far. */
  async watch(connection: Connection): Promise<void> {
    const interest = this.#interest(connection)
    interest.all = true
    try {
      await this.open()
    } catch (error) {
      this.unwatch(connection)
      throw error
    }
    this.catchUp(connection)
  }

  /** The text so far of the runs under way. */
  catchUp(connection: Connection): void {
    this.#tellPiece()
    for (const teller of this.#tellers.values()) this.#tellSnapshot(connection, teller)
  }

  /** Runs that the connection has itself sent are still told of. */
  unwatch(connection: Connection): void {
    const interest = this.#watchers.get(connection)
    if (interest === undefined) return
    interest.all = false
    this.#dropIfDone(connection, interest)
  }

  leave(connection: Connection): void {
    this.#drop(connection)
    this.#told()
  }

  /** The connection is about to send this message: what comes of it is held back until `release`. */
  async expect(connection: Connection, runId: string): Promise<void> {
    const interest = this.#interest(connection)
    interest.runs.add(runId)
    interest.held.set(runId, [])
    try {
      await this.open()
    } catch (error) {
      this.forget(connection, runId)
      throw error
    }
  }

  /** The sender has got its answer. */
  release(connection: Connection, runId: string): void {
    const interest = this.#watchers.get(connection)
    const held = interest?.held.get(runId)
    interest?.held.delete(runId)
    for (const event of held ?? []) connection.tell(event)
    if (interest !== undefined) this.#dropIfDone(connection, interest)
    this.#told()
  }

  /** Nothing comes of this message, or it is over. */
  forget(connection: Connection, runId: string): void {
    this.#watchers.get(connection)?.runs.delete(runId)
    this.release(connection, runId)
  }

  /** Resolves once everybody who sent a message has heard of its end. */
  async atRest(): Promise<void> {
    while (this.#hasUntold) await new Promise<void>((resolve) => this.#onTold.push(resolve))
  }

  get #hasUntold(): boolean {
    return this.#tellers.size > 0 || [...this.#watchers.values()].some(({ runs }) => runs.size > 0)
  }

  #told(): void {
    const waiting = this.#onTold.splice(0)
    for (const resolve of waiting) resolve()
  }

  async #open(): Promise<void> {
    const ending = new AbortController()
    this.#ending = ending
    try {
      const events = await this.#feed(ending.signal)
      void this.#pump(events, ending)
    } catch (error) {
      if (this.#ending === ending) this.#opening = undefined
      throw error
    }
  }

  /** The session's events from the oldest run on that is not over. */
  async #feed(signal: AbortSignal): Promise<AsyncIterable<RunEvent>> {
    const { handle } = this.#options
    const { messages, runs, seq } = await historyOrNone(handle, { limit: lookBack })
    const open = new Set<string>(runs.map(({ runId }) => runId))
    this.#over = new Set(messages.map(({ runId }) => runId).filter((runId) => !open.has(runId)))
    // A session that nobody has written to is watched from its first message on.
    return handle.subscribe(Math.min(seq + 1, ...runs.map((run) => run.seq)), { signal, waitForFirstMessage: true })
  }

  async #pump(events: AsyncIterable<RunEvent>, ending: AbortController): Promise<void> {
    const { logger, clock, handle } = this.#options
    try {
      for await (const event of events) {
        // Somebody else reads it by now, or nobody wants it.
        if (this.#ending !== ending) return
        this.#hear(event)
      }
      if (this.#ending === ending) this.#close()
    } catch (error) {
      if (this.#ending !== ending) return
      this.#forgetRuns()
      logger.log('warn', 'gateway.feed-failed', { session: handle.key, error: error instanceof Error ? error.message : String(error) })
      const reopen = (): void => {
        if (!this.#isUnwatched) this.open().catch(() => clock.setTimer(reopen, reopenAfterMs, true))
      }
      clock.setTimer(reopen, reopenAfterMs, true)
    }
  }

  /** Stops reading when nobody wants to hear of the session any more. */
  closeIfUnwatched(): void {
    if (this.#isUnwatched) this.#close()
  }

  #close(): void {
    this.#ending?.abort()
    this.#forgetRuns()
    if (this.#isUnwatched) this.#options.onUnwatched()
  }

  get #isUnwatched(): boolean {
    return this.#watchers.size === 0 && this.#options.everywhere.size === 0
  }

  #forgetRuns(): void {
    this.#piece = undefined
    this.#ending = undefined
    this.#opening = undefined
    this.#tellers.clear()
    this.#told()
  }

  /** Pieces of an answer that are here already go out as one. */
  #hear(event: RunEvent): void {
    const waiting = this.#piece
    if (event.type !== 'text-delta') {
      this.#tellPiece()
      this.#tell(event)
    } else if (waiting?.runId === event.runId && waiting.turn === event.turn && waiting.attempt === event.attempt) {
      this.#piece = { ...event, text: waiting.text + event.text }
    } else {
      this.#tellPiece()
      this.#piece = event
      process.nextTick(() => this.#tellPiece())
    }
  }

  #tellPiece(): void {
    const piece = this.#piece
    this.#piece = undefined
    if (piece !== undefined) this.#tell(piece)
  }

  #tell(event: RunEvent): void {
    const { runId } = event
    if (this.#over.has(runId)) return
    const now = Math.round(this.#options.clock.now())
    if (event.type === 'message-accepted') return this.#tellChange('message', runId, now)
    const teller = this.#teller(runId)
    if (event.type === 'run-start') this.#join(runId, event.merged)
    if (event.type === 'run-steer') this.#join(runId, [event.from])
    for (const told of teller.tell(event, now)) this.#deliver(runId, told)
    if (event.type !== 'run-end') return
    this.#tellers.delete(runId)
    for (const [connection, interest] of this.#watchers) {
      for (const ended of [runId, ...teller.members]) interest.runs.delete(ended)
      this.#dropIfDone(connection, interest)
    }
    this.#tellChange('run-end', runId, now)
    this.#told()
  }

  #teller(runId: string): RunTeller {
    const known = this.#tellers.get(runId)
    if (known !== undefined) return known
    const teller = new RunTeller({ runId, sessionKey: this.#options.handle.key, agentId: this.#agentId })
    this.#tellers.set(runId, teller)
    return teller
  }

  /** Senders of messages that joined a run hear of that run. */
  #join(runId: string, members: readonly string[]): void {
    if (members.length === 0) return
    for (const { runs } of this.#watchers.values()) if (members.some((member) => runs.has(member))) runs.add(runId)
  }

  #deliver(runId: string, told: Told): void {
    const event = new PreparedEvent(told.name, told.payload, told.name === 'agent' ? told.cap : undefined)
    const { everywhere } = this.#options
    for (const [connection, { all, runs, held }] of this.#watchers) {
      if (!all && !runs.has(runId) && !everywhere.has(connection)) continue
      const waiting = held.size === 0 ? undefined : held.get(runId)
      if (waiting === undefined) connection.tell(event)
      else waiting.push(event)
    }
    for (const connection of everywhere) if (!this.#watchers.has(connection)) connection.tell(event)
  }

  #tellSnapshot(connection: Connection, teller: RunTeller): void {
    const told = teller.snapshot(Math.round(this.#options.clock.now()))
    if (told !== undefined) connection.tell(new PreparedEvent(told.name, told.payload))
  }

  #tellChange(reason: 'message' | 'run-end', runId: string, ts: number): void {
    const { everywhere, handle } = this.#options
    if (everywhere.size === 0) return
    const event = new PreparedEvent('sessions.changed', { sessionKey: handle.key, agentId: this.#agentId, reason, runId, ts })
    for (const connection of everywhere) connection.tell(event)
  }

  #interest(connection: Connection): Interest {
    const known = this.#watchers.get(connection)
    if (known !== undefined) return known
    const interest: Interest = { all: false, runs: new Set(), held: new Map() }
    this.#watchers.set(connection, interest)
    return interest
  }

  #dropIfDone(connection: Connection, { all, runs, held }: Interest): void {
    if (!all && runs.size === 0 && held.size === 0) this.#drop(connection)
  }

  #drop(connection: Connection): void {
    this.#watchers.delete(connection)
    this.#options.onLeft(connection)
    this.closeIfUnwatched()
  }
}
