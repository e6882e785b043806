/** Emits the events of actors to listeners. A listener or a logger that throws affects neither the emitter nor the other listeners. */
import { EventEmitter } from 'eventemitter3'
import { describeError } from '../base/errors.ts'
import type { ActorEvent } from '../base/events.ts'
import { isThenable, whenSettled } from '../base/thenable.ts'
import type { Logger } from '../ports/services.ts'

type EventOf<TType extends ActorEvent['type']> = Extract<ActorEvent, { type: TType }>

/**
 * Emits the events of actors and supervisors: starts, exits, restarts, restart limits. An error of a listener is logged.
 *
 * @example
 * const telemetry = new Telemetry(silentLogger)
 * const stop = telemetry.on('actor-exit', ({ id, reason }) => console.log(id, reason.type))
 */
export class Telemetry {
  readonly #emitter = new EventEmitter()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Calls `listener` for each event of one type. Returns a function that removes it. */
  on<TType extends ActorEvent['type']>(type: TType, listener: (event: EventOf<TType>) => unknown): () => void {
    const failed = (error: unknown): void => {
      try {
        this.#logger.log('error', 'telemetry.listener-failed', { type, error: describeError(error) })
      } catch {
        // An error of the logger cannot be reported anywhere.
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

  /** Returns true when the event type has a listener; lets callers skip the creation of other events. */
  wants(type: ActorEvent['type']): boolean {
    return this.#emitter.listenerCount(type) > 0
  }

  emit(event: ActorEvent): void {
    this.#emitter.emit(event.type, event)
  }
}
