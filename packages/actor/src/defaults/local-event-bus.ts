/** The event bus of a single process. */

import { BeamClawError } from '../base/errors.ts'
import { aFunction, aSignal, checkOptions, integer, text } from '../base/options.ts'
import { RingDeque } from '../base/ring-deque.ts'
import type { EventBus, EventIterator, SubscribeOptions, Subscription, Topic } from '../ports/event-bus.ts'

/** Defaults for a subscription. */
export const subscribeDefaults = { maxBuffered: 1_000 } as const satisfies SubscribeOptions

const checkTopic = text(600)
const subscribeRules = { maxBuffered: integer(1), signal: aSignal, onGap: aFunction }

/** Of all subscriptions: each takes hold within the call of `subscribe`. */
const readyAtOnce: Promise<void> = Promise.resolve()

/**
 * An `EventBus` within one process: `publish` puts the event into the buffer of each subscription, which is ready at once and never has a gap.
 * `subscribe` throws `invalid-option`.
 *
 * Phases: `open → stopped`. Owns the subscriptions by topic; each leaves when it ends.
 * I1: `publish` calls no code of a subscriber, and a slow subscriber delays neither the publisher nor other subscribers.
 * I2: A topic is in the map exactly while it has a subscription.
 * I3: After `stop` every subscription has ended, and a new one ends at once.
 *
 * @example
 * const bus = new LocalEventBus<string>()
 * const subscription = bus.subscribe('news')
 * bus.publish('news', 'Hello')
 * for await (const event of subscription) console.log(event)
 */
export class LocalEventBus<TEvent = unknown> implements EventBus<TEvent> {
  readonly #topics = new Map<Topic, Set<LocalSubscription<TEvent>>>()
  #isStopped = false

  publish(topic: Topic, event: TEvent): void {
    const subscribers = this.#topics.get(topic)
    if (subscribers !== undefined) for (const subscription of subscribers) subscription.offer(event)
  }

  subscribe(topic: Topic, options: SubscribeOptions = {}): Subscription<TEvent> {
    const expected = checkTopic(topic)
    if (expected !== undefined) throw new BeamClawError('invalid-option', `EventBus.subscribe: a topic must be ${expected}`)
    checkOptions<SubscribeOptions>('EventBus.subscribe', options, subscribeRules)
    const { maxBuffered = subscribeDefaults.maxBuffered, signal } = options
    const end = (): void => subscription.end()
    const subscription = new LocalSubscription<TEvent>(maxBuffered, () => {
      signal?.removeEventListener('abort', end)
      this.#remove(topic, subscription)
    })
    if (this.#isStopped || signal?.aborted === true) {
      subscription.end()
      return subscription
    }
    const subscribers = this.#topics.get(topic)
    if (subscribers === undefined) this.#topics.set(topic, new Set([subscription]))
    else subscribers.add(subscription)
    signal?.addEventListener('abort', end, { once: true })
    return subscription
  }

  /** Ends every subscription, also later ones. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const subscribers of this.#topics.values()) for (const subscription of subscribers) subscription.end()
  }

  #remove(topic: Topic, subscription: LocalSubscription<TEvent>): void {
    const subscribers = this.#topics.get(topic)
    subscribers?.delete(subscription)
    if (subscribers?.size === 0) this.#topics.delete(topic)
  }
}

/** One subscription: a bounded buffer that drops its oldest event when full. Phases: `open → ended`; buffered events are still delivered. */
class LocalSubscription<TEvent> implements Subscription<TEvent> {
  readonly #maxBuffered: number
  readonly #onEnd: () => void
  readonly #buffer = new RingDeque<TEvent>()
  /** The reads that wait, while the buffer is empty. */
  readonly #reads: ((next: IteratorResult<TEvent>) => void)[] = []
  readonly ready = readyAtOnce
  #isEnded = false
  #dropped = 0

  constructor(maxBuffered: number, onEnd: () => void) {
    this.#maxBuffered = maxBuffered
    this.#onEnd = onEnd
  }

  get dropped(): number {
    return this.#dropped
  }

  offer(event: TEvent): void {
    const read = this.#reads.shift()
    if (read !== undefined) return read({ done: false, value: event })
    if (this.#buffer.length >= this.#maxBuffered) {
      this.#buffer.shift()
      this.#dropped++
    }
    this.#buffer.push(event)
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#onEnd()
    for (const read of this.#reads.splice(0)) read({ done: true, value: undefined })
  }

  async stop(): Promise<void> {
    this.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  [Symbol.asyncIterator](): EventIterator<TEvent> {
    // Not a generator: `return` must end a pending wait for the next event.
    return {
      next: () => this.#next(),
      takeReady: () => this.#buffer.shift(),
      return: async () => {
        this.end()
        return { done: true, value: undefined }
      },
    }
  }

  #next(): Promise<IteratorResult<TEvent>> {
    if (this.#buffer.length > 0) return Promise.resolve({ done: false, value: this.#buffer.shift() as TEvent })
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.#reads.push(resolve))
  }
}
