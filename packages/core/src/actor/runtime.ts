/** What all actors of one tree share. */
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

  /** A name for an actor that was given none; unique in this tree. */
  nextActorId(): string {
    return `actor-${++this.#actors}`
  }

  /** The queue of the actors that passivate after this many milliseconds. */
  idleQueue(afterMs: number): IdleQueue {
    const known = this.#idleQueues.get(afterMs)
    if (known !== undefined) return known
    const queue = new IdleQueue(this.services.clock, afterMs)
    this.#idleQueues.set(afterMs, queue)
    return queue
  }
}
