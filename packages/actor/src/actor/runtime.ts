/** The services, scheduler and idle queues that all actors of one tree share. */
import { type SystemServices, systemServices } from '../defaults/services.ts'
import { IdleQueue } from './idle-queue.ts'
import { Scheduler } from './scheduler.ts'

export class ActorRuntime {
  readonly services: SystemServices
  readonly scheduler: Scheduler
  readonly #idleQueues = new Map<number, IdleQueue>()
  #actors = 0

  constructor(given?: Partial<SystemServices>) {
    this.services = systemServices(given)
    this.scheduler = new Scheduler(this.services.clock)
  }

  /** Returns a name for an actor without one; unique in this tree. */
  nextActorId(): string {
    return `actor-${++this.#actors}`
  }

  /** Returns the queue of the actors that passivate after this many milliseconds; makes it on first use. */
  idleQueue(afterMs: number): IdleQueue {
    const known = this.#idleQueues.get(afterMs)
    if (known !== undefined) return known
    const queue = new IdleQueue(this.services.clock, afterMs)
    this.#idleQueues.set(afterMs, queue)
    return queue
  }
}
