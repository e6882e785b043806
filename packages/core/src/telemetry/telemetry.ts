/** Where events go that nobody has to listen to. A listener or a logger that throws harms neither the emitter nor the other listeners. */
import { EventEmitter } from 'eventemitter3'
import { describeError } from '../base/errors.ts'
import type { ActorEvent } from '../base/events.ts'
import { isThenable, whenSettled } from '../base/thenable.ts'
import type { Logger } from '../ports/services.ts'

type EventOf<TType extends ActorEvent['type']> = Extract<ActorEvent, { type: TType }>

export class Telemetry {
  readonly #emitter = new EventEmitter()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Calls `listener` for each event of one type. The answer stops it. */
  on<TType extends ActorEvent['type']>(type: TType, listener: (event: EventOf<TType>) => unknown): () => void {
    const failed = (error: unknown): void => {
      try {
        this.#logger.log('error', 'telemetry.listener-failed', { type, error: describeError(error) })
      } catch {
        // There is nowhere left to report it.
      }
    }
    const guarded = (event: EventOf<TType>): void => {
      try {
        const outcome = listener(event)
        if (isThenable(outcome)) whenSettled(outcome, () => {}, failed)
      } catch (error) {
        failed(error)
      }
    }
    this.#emitter.on(type, guarded)
    return () => this.#emitter.off(type, guarded)
  }

  /** True when an event of this type would reach somebody; spares making one that would not. */
  wants(type: ActorEvent['type']): boolean {
    return this.#emitter.listenerCount(type) > 0
  }

  emit(event: ActorEvent): void {
    this.#emitter.emit(event.type, event)
  }
}
