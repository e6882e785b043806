/**
 * Who listens to the events of all sessions of this process.
 *
 * Owns one queue for each listener; a session only puts events into them.
 * I1: Nothing that a listener does reaches a session: it is called later, on its own, and what it throws is logged.
 * I2: A listener is called with one event at a time, in their order; while a promise of its is open, events wait.
 * I3: A queue is bounded: where a listener is too slow the oldest events go, and the log says so.
 */
import { describeError } from '../base/errors.ts'
import type { AgentId, TenantId } from '../base/ids.ts'
import { RingDeque } from '../base/ring-deque.ts'
import type { Logger } from '../ports/services.ts'
import type { SessionEvent } from './session-event.ts'

/** Which events a listener wants. */
export interface EventFilter {
  readonly type: string
  readonly agent: AgentId | undefined
  readonly tenant: TenantId | undefined
}

export type EventListener = (event: SessionEvent) => unknown

/** Events that may wait for one listener. */
const maxWaiting = 10_000

export class EventListeners {
  readonly #logger: Logger
  readonly #all = new Set<ListenerQueue>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** True while nobody listens: then no event need be made. */
  get isEmpty(): boolean {
    return this.#all.size === 0
  }

  /** Returns what ends the listening: events that wait are then told to it no more. */
  add(filter: EventFilter, listener: EventListener): () => void {
    const queue = new ListenerQueue(filter, listener, this.#logger)
    this.#all.add(queue)
    return () => {
      this.#all.delete(queue)
      queue.stop()
    }
  }

  /** Never throws. */
  tell(event: SessionEvent): void {
    for (const queue of this.#all) queue.offer(event)
  }

  /** Takes no more listeners' events; those that wait are still told. */
  stop(): void {
    this.#all.clear()
  }
}

class ListenerQueue {
  readonly #filter: EventFilter
  readonly #listener: EventListener
  readonly #logger: Logger
  readonly #waiting = new RingDeque<SessionEvent>()
  #isTelling = false
  #isStopped = false
  // Since the last call of the listener that ended.
  #dropped = 0

  constructor(filter: EventFilter, listener: EventListener, logger: Logger) {
    this.#filter = filter
    this.#listener = listener
    this.#logger = logger
  }

  offer(event: SessionEvent): void {
    const { type, agent, tenant } = this.#filter
    if (type !== '*' && type !== event.type) return
    if ((agent !== undefined && agent !== event.agentId) || (tenant !== undefined && tenant !== event.tenant)) return
    if (this.#waiting.length >= maxWaiting) this.#drop()
    this.#waiting.push(event)
    if (this.#isTelling) return
    this.#isTelling = true
    void this.#tellAll()
  }

  stop(): void {
    this.#isStopped = true
  }

  #drop(): void {
    this.#waiting.shift()
    // Once for each time it falls behind, and with what it missed when it goes on.
    if (this.#dropped++ === 0) this.#logger.log('warn', 'events.listener-too-slow', { type: this.#filter.type, waiting: maxWaiting })
  }

  async #tellAll(): Promise<void> {
    // Not inside the session's own work.
    await undefined
    for (let event = this.#waiting.shift(); event !== undefined && !this.#isStopped; event = this.#waiting.shift()) {
      try {
        // What a listener does to its event reaches no other listener.
        await this.#listener({ ...event })
      } catch (error) {
        this.#logger.log('error', 'events.listener-failed', { type: event.type, error: describeError(error) })
      }
      if (this.#dropped > 0) this.#logger.log('warn', 'events.dropped', { type: this.#filter.type, events: this.#dropped })
      this.#dropped = 0
    }
    this.#isTelling = false
  }
}
