/** One session that clients watch: its events are read once, and told to all of them. */
import {
  BeamClawError,
  type Clock,
  type Logger,
  type RunEvent,
  type SessionHandle,
  type SessionInspection,
  sessionKeyParts,
} from '@beamclaw/core'
import type { Boundary } from '../../boundary.ts'
import type { Connection } from '../connection.ts'
import { historyOrNone } from '../history-or-none.ts'
import { PreparedEvent } from '../prepared-event.ts'
import { RunListener } from './run-listener.ts'
import { RunTeller, type Told } from './run-teller.ts'

export interface WatchedSessionOptions {
  readonly handle: SessionHandle
  readonly clock: Clock
  readonly logger: Logger
  readonly boundary: Boundary
  /** Who watches every session. */
  readonly everywhere: ReadonlySet<Connection>
  /** This connection wants to hear nothing more. */
  readonly onLeft: (connection: Connection) => void
  /** Nobody watches any more, and nothing is open. */
  readonly onUnwatched: () => void
}

type TextDelta = Extract<RunEvent, { readonly type: 'text-delta' }>

type PartialAnswer = NonNullable<SessionInspection['current']>

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
  readonly #listeners = new Set<RunListener>()
  /** Runs that were sent through this gateway, and are not over: their text is kept for clients that send the message again. */
  readonly #kept = new Set<string>()
  /** An answer whose beginning was said before the feed was opened. Its text is told when it is whole. */
  #partial: PartialAnswer | undefined
  /** Ends the feed that is read now. */
  #ending: AbortController | undefined
  readonly #onTold: (() => void)[] = []
  readonly #tellPieceLater: () => void

  constructor(options: WatchedSessionOptions) {
    this.#options = options
    this.#tellPieceLater = options.boundary('piece', () => this.#tellPiece())
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

  /** Events of a run from now on, after what was said so far. `open` has resolved. */
  listen(runId: string): RunListener {
    this.#tellPiece()
    const [host, teller] = this.#hostOf(runId)
    const listener = new RunListener({
      runId,
      host,
      said: teller?.said,
      keep: () => this.#kept.add(runId),
      onStop: () => {
        this.#listeners.delete(listener)
        this.closeIfUnwatched()
      },
    })
    this.#listeners.add(listener)
    return listener
  }

  /**
   * The connection is about to send this message: what comes of it is held back until `release`. When its run is under way already, that
   * begins with the text so far.
   */
  async expect(connection: Connection, runId: string): Promise<void> {
    this.#tellPiece()
    const interest = this.#interest(connection)
    const [host, teller] = this.#hostOf(runId)
    const said = teller?.snapshot(this.#now())
    interest.runs.add(runId)
    if (host !== undefined) interest.runs.add(host)
    interest.held.set(runId, said === undefined ? [] : [new PreparedEvent(said.name, said.payload)])
    this.#kept.add(runId)
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
    this.#kept.delete(runId)
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
    const events = handle.subscribe(Math.min(seq + 1, ...runs.map((run) => run.seq)), { signal, waitForFirstMessage: true })
    // Asked after that, so that no beginning is missed.
    const { current } = (await unlessUnknown(handle.inspect())) ?? {}
    this.#partial = current?.waitsFor === 'model' ? current : undefined
    return events
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
    return this.#watchers.size === 0 && this.#options.everywhere.size === 0 && this.#listeners.size === 0 && this.#kept.size === 0
  }

  #forgetRuns(): void {
    this.#piece = undefined
    this.#ending = undefined
    this.#opening = undefined
    this.#tellers.clear()
    this.#kept.clear()
    for (const listener of this.#listeners) listener.end()
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
      process.nextTick(this.#tellPieceLater)
    }
  }

  #tellPiece(): void {
    const piece = this.#piece
    this.#piece = undefined
    if (piece !== undefined) this.#tell(piece)
  }

  #tell(event: RunEvent): void {
    const { runId } = event
    if (this.#over.has(runId) || isOf(this.#partial, event)) return
    const now = this.#now()
    if (event.type === 'message-accepted') return this.#tellChange('message', runId, now)
    const teller = this.#teller(runId)
    if (event.type === 'run-start') this.#join(runId, event.merged)
    if (event.type === 'run-steer') this.#join(runId, [event.from])
    for (const told of teller.tell(event, now)) this.#deliver(runId, told)
    for (const listener of this.#listeners) if (listener.runs.has(runId)) listener.hear(event)
    if (event.type !== 'run-end') return
    this.#tellers.delete(runId)
    for (const ended of [runId, ...teller.members]) this.#kept.delete(ended)
    for (const [connection, interest] of this.#watchers) {
      for (const ended of [runId, ...teller.members]) interest.runs.delete(ended)
      this.#dropIfDone(connection, interest)
    }
    this.#tellChange('run-end', runId, now)
    this.#told()
    this.closeIfUnwatched()
  }

  #now(): number {
    return Math.round(this.#options.clock.now())
  }

  /** The run under way that this one is, or has joined. */
  #hostOf(runId: string): readonly [string | undefined, RunTeller | undefined] {
    const own = this.#tellers.get(runId)
    if (own !== undefined) return [runId, own]
    for (const [host, teller] of this.#tellers) if (teller.members.has(runId)) return [host, teller]
    return [undefined, undefined]
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
    for (const { runs } of [...this.#watchers.values(), ...this.#listeners]) if (members.some((member) => runs.has(member))) runs.add(runId)
  }

  #deliver(runId: string, told: Told): void {
    const { everywhere } = this.#options
    if (this.#watchers.size === 0 && everywhere.size === 0) return
    const event = new PreparedEvent(told.name, told.payload, told.name === 'agent' ? told.cap : undefined)
    for (const [connection, { all, runs, held }] of this.#watchers) {
      if (!all && !runs.has(runId) && !everywhere.has(connection)) continue
      const waiting = held.size === 0 ? undefined : held.get(runId)
      if (waiting === undefined) connection.tell(event)
      else waiting.push(event)
    }
    for (const connection of everywhere) if (!this.#watchers.has(connection)) connection.tell(event)
  }

  #tellSnapshot(connection: Connection, teller: RunTeller): void {
    const told = teller.snapshot(this.#now())
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

/** Undefined for a session that has not had a message yet. */
async function unlessUnknown<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (BeamClawError.isInstance(error, 'unknown-session')) return undefined
    throw error
  }
}

/** True for a piece of an answer that was begun before anybody listened. */
function isOf(partial: PartialAnswer | undefined, event: RunEvent): boolean {
  if (partial === undefined || event.type !== 'text-delta' || event.runId !== partial.runId) return false
  return event.turn < partial.turn || (event.turn === partial.turn && event.attempt <= partial.attempt)
}
