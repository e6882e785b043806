/** The port for publishing events to subscribers. */

/** A name that events are published under, for example `session:agent:main:main`. 1 to 600 characters. */
export type Topic = string

/** Options of `EventBus.subscribe`. */
export interface SubscribeOptions {
  /** Events buffered for a subscriber that is slower than its publishers. @default 1000 */
  readonly maxBuffered?: number
  /** Ends the subscription. */
  readonly signal?: AbortSignal
  /**
   * Called when the bus may have lost events on their way to this subscriber: what they tell must be read at its source. Called any number of times, also
   * when nothing was lost, never inside `subscribe`, and not for the events in `dropped`. Must not throw.
   */
  readonly onGap?: () => void
}

/** The events of a subscription, one by one. */
export interface EventIterator<TEvent> extends AsyncIterator<TEvent> {
  /**
   * Removes and returns the next event if it has arrived; undefined when there is none yet, or none at all: only `next` tells. Not while a `next` waits.
   * Saves a reader the promises of events that arrived together.
   */
  takeReady?(): TEvent | undefined
}

/**
 * Events for one subscriber, in publishing order for each publisher. When its buffer is full, the oldest events are dropped and counted in
 * `dropped`; other subscribers are not affected. Iterate once; leaving the loop ends the subscription.
 */
export interface Subscription<TEvent> extends AsyncIterable<TEvent>, AsyncDisposable {
  /** Events dropped so far because this subscriber was too slow. */
  readonly dropped: number
  /**
   * Resolves once the subscription has taken hold: of what is published from then on, all is delivered, or `onGap` is called. Resolves also when the
   * subscription ends before. Never rejects.
   */
  readonly ready: Promise<void>
  [Symbol.asyncIterator](): EventIterator<TEvent>
  stop(): Promise<void>
}

/**
 * Best-effort fan-out: at most once, no replay, no promise across a crash. `publish` never waits for a subscriber and never throws
 * for one. Proven by `eventBusContract()` in testkit.
 */
export interface EventBus<TEvent = unknown> {
  publish(topic: Topic, event: TEvent): void
  subscribe(topic: Topic, options?: SubscribeOptions): Subscription<TEvent>
  stop(): Promise<void>
}
