/** One session that clients watch: its events are read once and delivered to all of them. */
import { type Clock, type Logger, type RunEvent, type SessionHandle, sessionKeyParts } from '@beamclaw/core'
import type { Boundary } from '../../boundary.ts'
import type { Connection } from '../connection.ts'
import { builtInEvent, type PreparedEvent } from '../prepared-event.ts'
import { RunListener } from './run-listener.ts'
import type { RunTeller, Told } from './run-teller.ts'
import { RunTellers } from './run-tellers.ts'
import { openFeed, type SessionFeed } from './session-feed.ts'
import { Watchers } from './watchers.ts'

export interface WatchedSessionOptions {
  readonly handle: SessionHandle
  readonly clock: Clock
  readonly logger: Logger
  readonly boundary: Boundary
  /** The connections that watch every session. */
  readonly everywhere: ReadonlySet<Connection>
  /** Called when this connection watches nothing here any more. */
  readonly onLeft: (connection: Connection) => void
  /** Called when the session has no watchers and no open feed. */
  readonly onUnwatched: () => void
}

type TextDelta = Extract<RunEvent, { readonly type: 'text-delta' }>

/** Delay before a failed feed is opened again, in milliseconds. */
const reopenAfterMs = 1_000

/**
 * Phases: `closed → opening → open → closed`; a feed that fails is opened again after `reopenAfterMs` while anything watches. Owns the feed, the
 * translators of unfinished runs (`#tellers`) and the listeners; the watchers decide which connection receives what.
 *
 * - I1: at most one feed is current (`#ending`); an older one delivers nothing more.
 * - I2: events are delivered in the order of the feed; adjacent text of one tick is merged into one piece, and flushed before any other event.
 * - I3: a sender receives no event of its run before the response to its request (`expect`, then `release`).
 * - I4: without watchers, listeners and kept runs the feed is closed and `onUnwatched` is called.
 */
export class WatchedSession {
  readonly #options: WatchedSessionOptions
  readonly #agentId: string
  readonly #watchers: Watchers
  readonly #tellers: RunTellers
  /** The feed that was opened last. */
  #feed: SessionFeed | undefined
  #opening: Promise<void> | undefined
  #piece: TextDelta | undefined
  readonly #listeners = new Set<RunListener>()
  /** Unfinished runs that were sent through this gateway: their text is kept for clients that send the message again. */
  readonly #kept = new Set<string>()
  /** Aborts the current feed. */
  #ending: AbortController | undefined
  readonly #onTold: (() => void)[] = []
  readonly #tellPieceLater: () => void

  constructor(options: WatchedSessionOptions) {
    this.#options = options
    this.#tellPieceLater = options.boundary('piece', () => this.#tellPiece())
    this.#agentId = sessionKeyParts(options.handle.key).agentId
    this.#tellers = new RunTellers({ sessionKey: options.handle.key, agentId: this.#agentId })
    this.#watchers = new Watchers({
      everywhere: options.everywhere,
      onLeft: (connection) => {
        options.onLeft(connection)
        this.closeIfUnwatched()
      },
    })
  }

  /** Resolves once no later event is missed. */
  open(): Promise<void> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  /** Delivers every run from now on, beginning with the text so far of those under way. */
  async watch(connection: Connection): Promise<void> {
    this.#watchers.watch(connection)
    try {
      await this.open()
    } catch (error) {
      this.unwatch(connection)
      throw error
    }
    this.catchUp(connection)
  }

  /** Sends the text so far of the runs under way. */
  catchUp(connection: Connection): void {
    this.#tellPiece()
    for (const teller of this.#tellers) this.#tellSnapshot(connection, teller)
  }

  /** Stops watching; the runs that the connection sent itself are still delivered. */
  unwatch(connection: Connection): void {
    this.#watchers.unwatch(connection)
  }

  leave(connection: Connection): void {
    this.#watchers.drop(connection)
    this.#told()
  }

  /** Returns a listener for the events of a run, beginning with the text so far. Call `open` first. */
  listen(runId: string): RunListener {
    this.#tellPiece()
    const [host, teller] = this.#tellers.hostOf(runId)
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
   * Called before the connection sends this message: events of its run are held back until `release`. When the run is under way already, they
   * begin with the text so far.
   */
  async expect(connection: Connection, runId: string): Promise<void> {
    this.#tellPiece()
    const [host, teller] = this.#tellers.hostOf(runId)
    const said = teller?.snapshot(this.#now())
    this.#watchers.expect(connection, host === undefined ? [runId] : [runId, host], said === undefined ? [] : [toldEvent(said)])
    this.#kept.add(runId)
    try {
      await this.open()
    } catch (error) {
      this.forget(connection, runId)
      throw error
    }
  }

  /** Called when the sender has its response. */
  release(connection: Connection, runId: string): void {
    this.#watchers.release(connection, runId)
    this.#told()
  }

  /** Called when the message leads to no run, or its run is over. */
  forget(connection: Connection, runId: string): void {
    this.#kept.delete(runId)
    this.#watchers.forget(connection, runId)
    this.release(connection, runId)
  }

  /** Resolves once every sender of a message has received the end of its run. */
  async atRest(): Promise<void> {
    while (this.hasUntold) await new Promise<void>((resolve) => this.#onTold.push(resolve))
  }

  /** True while a sender of a message has not received the end of its run. */
  get hasUntold(): boolean {
    return this.#tellers.size > 0 || this.#watchers.hasRuns
  }

  #told(): void {
    const waiting = this.#onTold.splice(0)
    for (const resolve of waiting) resolve()
  }

  async #open(): Promise<void> {
    const ending = new AbortController()
    this.#ending = ending
    try {
      this.#feed = await openFeed(this.#options.handle, ending.signal)
      void this.#pump(this.#feed.events, ending)
    } catch (error) {
      if (this.#ending === ending) this.#opening = undefined
      throw error
    }
  }

  async #pump(events: AsyncIterable<RunEvent>, ending: AbortController): Promise<void> {
    const { logger, clock, handle } = this.#options
    try {
      for await (const event of events) {
        // A newer feed is current by now, or none is wanted.
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

  /** Closes the feed when there are no watchers, listeners or kept runs. */
  closeIfUnwatched(): void {
    if (this.#isUnwatched) this.#close()
  }

  #close(): void {
    this.#ending?.abort()
    this.#forgetRuns()
    if (this.#isUnwatched) this.#options.onUnwatched()
  }

  get #isUnwatched(): boolean {
    return this.#watchers.isEmpty && this.#listeners.size === 0 && this.#kept.size === 0
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

  /** Merges adjacent pieces of an answer that arrive in one tick. */
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
    if (this.#feed?.isSkipped(event) === true) return
    const now = this.#now()
    if (event.type === 'message-accepted') return this.#tellChange('message', runId, now)
    const teller = this.#tellers.of(runId)
    if (event.type === 'run-start') this.#join(runId, event.merged)
    if (event.type === 'run-steer') this.#join(runId, [event.from])
    for (const told of teller.tell(event, now)) this.#deliver(runId, told)
    for (const listener of this.#listeners) if (listener.runs.has(runId)) listener.hear(event)
    if (event.type !== 'run-end') return
    this.#tellers.delete(runId)
    const ended = [runId, ...teller.members]
    for (const member of ended) this.#kept.delete(member)
    this.#watchers.end(ended)
    this.#tellChange('run-end', runId, now)
    this.#told()
    this.closeIfUnwatched()
  }

  #now(): number {
    return Math.round(this.#options.clock.now())
  }

  /** Delivers a run also to the senders of messages that joined it. */
  #join(runId: string, members: readonly string[]): void {
    if (members.length === 0) return
    this.#watchers.join(runId, members)
    for (const { runs } of this.#listeners) if (members.some((member) => runs.has(member))) runs.add(runId)
  }

  #deliver(runId: string, told: Told): void {
    if (!this.#watchers.isEmpty) this.#watchers.tell(runId, toldEvent(told))
  }

  #tellSnapshot(connection: Connection, teller: RunTeller): void {
    const told = teller.snapshot(this.#now())
    if (told !== undefined) connection.tell(toldEvent(told))
  }

  #tellChange(reason: 'message' | 'run-end', runId: string, ts: number): void {
    const { everywhere, handle } = this.#options
    if (everywhere.size === 0) return
    const event = builtInEvent('sessions.changed', { sessionKey: handle.key, agentId: this.#agentId, reason, runId, ts })
    for (const connection of everywhere) connection.tell(event)
  }
}

function toldEvent(told: Told): PreparedEvent {
  return told.name === 'agent' ? builtInEvent('agent', told.payload, told.cap) : builtInEvent('chat', told.payload)
}
