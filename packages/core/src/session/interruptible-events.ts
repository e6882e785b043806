/** The events of a subscription, with interruptions: the reader is to look whether it has missed something. */
import type { Clock, EventIterator, Subscription, TimerHandle } from '@beamclaw/actor'
import type { RunEvent } from '../base/events.ts'

/** Milliseconds without an event until a reader that waits for the end of a run reads the journal: a bus may lose any event without a word. */
const lookAfterMs = 10_000

/**
 * Yields events, and `undefined` after `interrupt`. With a clock, it also does so after a quiet period; one timer serves many events, and the creator must
 * call `stop`. Supports one pending read at a time.
 */
export class InterruptibleEvents {
  readonly #events: EventIterator<RunEvent>
  readonly #clock: Clock | undefined
  #timer: TimerHandle | undefined
  // The read that was requested and whose event was not delivered yet.
  #next: Promise<IteratorResult<RunEvent>> | undefined
  // Ends the wait of the pending read; undefined while none waits.
  #endWait: (() => void) | undefined
  #isInterrupted = false
  #hasHappened = false

  constructor(events: Pick<Subscription<RunEvent>, typeof Symbol.asyncIterator>, clock: Clock | undefined) {
    this.#events = events[Symbol.asyncIterator]()
    this.#clock = clock
    this.#timer = this.#arm()
  }

  // Not `Promise.race` with one long-lived promise: that would retain every event until the quiet period ends.
  next(): Promise<IteratorResult<RunEvent | undefined>> {
    if (this.#isInterrupted) {
      this.#isInterrupted = false
      return Promise.resolve({ done: false, value: undefined })
    }
    return new Promise((resolve, reject) => {
      this.#next ??= Promise.resolve(this.#events.next())
      // After `undefined` was delivered, the pending event goes to the next call.
      let isAnswered = false
      this.#endWait = () => {
        isAnswered = true
        this.#endWait = undefined
        resolve({ done: false, value: undefined })
      }
      this.#next.then(
        (result) => {
          if (isAnswered) return
          this.#hasHappened = true
          this.#next = undefined
          this.#endWait = undefined
          resolve(result)
        },
        (error) => {
          if (!isAnswered) reject(error)
        },
      )
    })
  }

  /** Returns the next event if it is there and nothing comes before it. */
  takeReady(): RunEvent | undefined {
    if (this.#isInterrupted || this.#next !== undefined) return undefined
    const event = this.#events.takeReady?.()
    this.#hasHappened ||= event !== undefined
    return event
  }

  /** Lets the pending read, or else the next one, yield `undefined`. */
  interrupt(): void {
    if (this.#endWait === undefined) this.#isInterrupted = true
    else this.#endWait()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #arm(): TimerHandle | undefined {
    const look = (): void => {
      if (!this.#hasHappened) this.#endWait?.()
      this.#hasHappened = false
      this.#timer = this.#arm()
    }
    return this.#clock?.setTimer(look, lookAfterMs, true)
  }
}
