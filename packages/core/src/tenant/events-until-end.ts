/** The event bus of the sessions: after the end of the tree it tells nothing, however late a call to the store answers. */

import type { EventBus, SubscribeOptions, Subscription } from '@beamclaw/actor'
import type { RunEvent } from '../base/events.ts'

export class EventsUntilEnd implements EventBus<RunEvent> {
  readonly #events: EventBus<RunEvent>
  readonly #hasEnded: () => boolean

  constructor(events: EventBus<RunEvent>, hasEnded: () => boolean) {
    this.#events = events
    this.#hasEnded = hasEnded
  }

  publish(topic: string, event: RunEvent): void {
    if (!this.#hasEnded()) this.#events.publish(topic, event)
  }

  subscribe(topic: string, options?: SubscribeOptions): Subscription<RunEvent> {
    return this.#events.subscribe(topic, options)
  }

  stop(): Promise<void> {
    return this.#events.stop()
  }
}
