/** The events on their way to one node: those of one turn of the event loop in one message, and no more messages than are needed. */
import type { Clock, TimerHandle } from '@beamclaw/actor'
import type { RunEvent, TextDeltaEvent, ThinkingDeltaEvent } from '../base/events.ts'
import type { RunId } from '../base/ids.ts'
import { maxBatchBytes, minEventBytes, type NumberedEvent } from './event-messages.ts'

/** An event as it travels, and no fewer bytes than it takes. */
export interface PortableEvent {
  readonly event: RunEvent | null
  readonly bytes: number
}

/** What stands for events that may have been missed. */
export const missedEvents: PortableEvent = { event: null, bytes: minEventBytes }

/** Milliseconds between two messages to one node: each costs both nodes and the server between them more than the events in it. */
export const sendEveryMs = 2

/** More than what surrounds the names and the text of a piece. */
const frameBytes = 192

/** UTF-8 bytes of a UTF-16 code unit, and as an escape in JSON. */
const [bytesOfUnit, bytesOfEscape] = [3, 6]

/** Returns the event as it travels: null in the place of one that is too large, or that JSON cannot hold. */
export function portable(event: RunEvent): PortableEvent {
  const bytes = bytesOf(event)
  return bytes > maxBatchBytes ? missedEvents : { event, bytes }
}

/** A piece of an answer as it is written: there are many of them. */
type Piece = TextDeltaEvent | ThinkingDeltaEvent

/** A piece that waits to be sent, to which the next ones of the same answer are added. */
interface WaitingPiece {
  readonly type: Piece['type']
  readonly runId: RunId
  readonly turn: number
  readonly attempt: number
  text: string
}

function isPiece(event: RunEvent): event is Piece {
  return event.type === 'text-delta' || event.type === 'thinking-delta'
}

/** Returns an upper bound; pieces of text, which are many, are not serialized for it. */
function bytesOf(event: RunEvent): number {
  if (isPiece(event)) {
    // Both names are ASCII, of which a quotation mark takes an escape of two bytes.
    return frameBytes + 2 * (event.sessionKey.length + event.runId.length) + event.text.length * bytesOfEscape
  }
  try {
    return minEventBytes + JSON.stringify(event).length * bytesOfUnit
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/**
 * Sends what was added at the end of the turn, or some milliseconds after the message before; sooner when it is large.
 *
 * Phases: `idle → due`, by a turn of the event loop or a timer. Owns what was not sent yet, and the last piece among it of each id.
 */
export class EventOutbox {
  readonly #clock: Clock
  readonly #send: (events: readonly NumberedEvent[]) => void
  readonly #pieces = new Map<number, WaitingPiece>()
  #events: NumberedEvent[] = []
  #bytes = 0
  #isDue = false
  #timer: TimerHandle | undefined
  #sentAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, send: (events: readonly NumberedEvent[]) => void) {
    this.#clock = clock
    this.#send = send
  }

  add(id: number, n: number, { event, bytes }: PortableEvent): void {
    if (this.#bytes + bytes > maxBatchBytes) this.flush()
    if (event !== null && isPiece(event)) {
      const piece = { ...event }
      this.#pieces.set(id, piece)
      this.#events.push([id, n, piece])
    } else {
      this.#pieces.delete(id)
      this.#events.push([id, n, event])
    }
    this.#bytes += bytes
    this.#sendSoon()
  }

  /** Adds a piece to the one before it of the same answer, and returns true; false when there is none that waits, or no room. */
  extend(id: number, event: RunEvent): boolean {
    if (!isPiece(event)) return false
    const before = this.#pieces.get(id)
    if (before === undefined || before.runId !== event.runId || before.type !== event.type) return false
    if (before.turn !== event.turn || before.attempt !== event.attempt) return false
    const bytes = event.text.length * bytesOfEscape
    if (this.#bytes + bytes > maxBatchBytes) return false
    before.text += event.text
    this.#bytes += bytes
    return true
  }

  flush(): void {
    if (this.#events.length === 0) return
    const events = this.#events
    this.#forget()
    this.#sentAt = this.#clock.monotonic()
    this.#send(events)
  }

  /** Forgets what was not sent. */
  clear(): void {
    this.#forget()
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#timer = undefined
    this.#isDue = false
  }

  #forget(): void {
    this.#events = []
    this.#pieces.clear()
    this.#bytes = 0
  }

  #sendSoon(): void {
    if (this.#isDue) return
    this.#isDue = true
    const due = (): void => {
      this.#isDue = false
      this.#timer = undefined
      this.flush()
    }
    const waitMs = sendEveryMs - (this.#clock.monotonic() - this.#sentAt)
    if (waitMs > 0) this.#timer = this.#clock.setTimer(due, waitMs, true)
    else this.#clock.yieldTo(due)
  }
}
