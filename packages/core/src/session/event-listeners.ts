/**
 * The listeners to the events of all sessions of this process.
 *
 * Owns one queue per listener; a session only adds events to the queues.
 * I1: A listener cannot affect a session: it is called later, outside the session's work, and its errors are logged.
 * I2: A listener is called with one event at a time, in order. While its promise is pending, events wait.
 * I3: A queue is bounded: when a listener is too slow, the oldest events are dropped and the loss is logged.
 */
import type { Logger } from '@beamclaw/actor'
import { RingDeque } from '@beamclaw/actor/internal'
import { describeError } from '../base/errors.ts'
import type { AgentId, TenantId } from '../base/ids.ts'
import type { SessionEvent } from './session-event.ts'

/** Selects the events that a listener gets. */
export interface EventFilter {
  readonly type: string
  readonly agent: AgentId | undefined
  readonly tenant: TenantId | undefined
  /** True for a listener that gets what the other nodes tell, too. */
  readonly isAnywhere?: boolean
}

export type EventListener = (event: SessionEvent) => unknown

/** Maximum events that wait for one listener. */
const maxWaiting = 10_000

export class EventListeners {
  readonly #logger: Logger
  readonly #all = new Set<ListenerQueue>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** True when there are no listeners, so that events need not be created. */
  get isEmpty(): boolean {
    return this.#all.size === 0
  }

  /** Returns a function that removes the listener. Waiting events are then dropped. */
  add(filter: EventFilter, listener: EventListener): () => void {
    const queue = new ListenerQueue(filter, listener, this.#logger)
    this.#all.add(queue)
    return () => {
      this.#all.delete(queue)
      queue.stop()
    }
  }

  /** Adds an event to the matching queues. Never throws. */
  tell(event: SessionEvent): void {
    for (const queue of this.#all) queue.offer(event)
  }

  /** Adds an event of another node to the queues that want those. Never throws. */
  tellElsewhere(event: SessionEvent): void {
    for (const queue of this.#all) if (queue.isAnywhere) queue.offer(event)
  }

  /** Removes all listeners. Events that already wait are still delivered. */
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
  // Events dropped since the listener's last completed call.
  #dropped = 0

  constructor(filter: EventFilter, listener: EventListener, logger: Logger) {
    this.#filter = filter
    this.#listener = listener
    this.#logger = logger
  }

  get isAnywhere(): boolean {
    return this.#filter.isAnywhere === true
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
    // Logged once each time the listener falls behind; the number of lost events is logged when it continues.
    if (this.#dropped++ === 0) this.#logger.log('warn', 'events.listener-too-slow', { type: this.#filter.type, waiting: maxWaiting })
  }

  async #tellAll(): Promise<void> {
    // Runs outside the session's own work.
    await undefined
    for (let event = this.#waiting.shift(); event !== undefined && !this.#isStopped; event = this.#waiting.shift()) {
      try {
        // A copy, so that a listener that changes its event does not affect other listeners.
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
