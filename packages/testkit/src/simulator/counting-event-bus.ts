/** A bus that counts its open subscriptions, so that a simulation finds leaked ones. */
import { type EventBus, LocalEventBus, type SubscribeOptions, type Subscription, type Topic } from '@beamclaw/core'

export class CountingEventBus<TEvent> implements EventBus<TEvent> {
  readonly #bus = new LocalEventBus<TEvent>()
  readonly #open = new Map<Subscription<TEvent>, Topic>()

  /** Topics of the subscriptions that are still open. */
  get open(): readonly Topic[] {
    return [...this.#open.values()]
  }

  publish(topic: Topic, event: TEvent): void {
    this.#bus.publish(topic, event)
  }

  subscribe(topic: Topic, options?: SubscribeOptions): Subscription<TEvent> {
    const subscription = this.#bus.subscribe(topic, options)
    const stop = (): Promise<void> => {
      this.#open.delete(counted)
      return subscription.stop()
    }
    const counted: Subscription<TEvent> = {
      get dropped() {
        return subscription.dropped
      },
      ready: subscription.ready,
      stop,
      [Symbol.asyncDispose]: stop,
      [Symbol.asyncIterator]: () => {
        const events = subscription[Symbol.asyncIterator]()
        return {
          next: () => events.next(),
          return: async () => {
            await stop()
            return { done: true, value: undefined }
          },
        }
      },
    }
    this.#open.set(counted, topic)
    return counted
  }

  async stop(): Promise<void> {
    this.#open.clear()
    await this.#bus.stop()
  }
}
