/** Those who hear of an actor's end: registries first, so that nobody finds an entry of an actor whose end they know of. */

import { describeError } from '../errors.ts'
import type { Logger } from '../ports/ambient.ts'
import type { ActorRef } from './actor-ref.ts'
import type { ExitNotice } from './exit-reason.ts'
import type { Registrar } from './inside.ts'

type OnExit = (notice: ExitNotice) => void

export class Watchers {
  #registrars: Registrar | Set<Registrar> | undefined
  #monitors: Set<{ readonly onExit: OnExit }> | undefined

  addRegistrar(registrar: Registrar): void {
    if (this.#registrars === undefined || this.#registrars === registrar) this.#registrars = registrar
    else if (this.#registrars instanceof Set) this.#registrars.add(registrar)
    else this.#registrars = new Set([this.#registrars, registrar])
  }

  removeRegistrar(registrar: Registrar): void {
    if (this.#registrars === registrar) this.#registrars = undefined
    else if (this.#registrars instanceof Set) this.#registrars.delete(registrar)
  }

  /** Adds a monitor; the same function may monitor twice. The answer removes it. */
  addMonitor(onExit: OnExit): () => void {
    const monitor = { onExit }
    this.#monitors ??= new Set()
    this.#monitors.add(monitor)
    return () => this.#monitors?.delete(monitor)
  }

  /** Drops the entries, then tells every monitor once. A monitor that throws does not keep the others from hearing. */
  tell(actor: ActorRef<never>, notice: ExitNotice, logger: Logger): void {
    const registrars = this.#registrars
    this.#registrars = undefined
    if (registrars instanceof Set) for (const registrar of registrars) registrar.dropEntriesOf(actor)
    else registrars?.dropEntriesOf(actor)
    this.tellMonitors(notice, logger)
  }

  tellMonitors(notice: ExitNotice, logger: Logger | undefined): void {
    const monitors = this.#monitors
    this.#monitors = undefined
    if (monitors === undefined) return
    for (const { onExit } of monitors) {
      try {
        onExit(notice)
      } catch (error) {
        logger?.log('error', 'actor.monitor-failed', { id: notice.id, error: describeError(error) })
      }
    }
  }
}

/** Tells somebody who starts to watch too late: soon, and once. The answer cancels. */
export function tellTooLate(notice: ExitNotice, onExit: OnExit, logger: Logger | undefined): () => void {
  const watchers = new Watchers()
  const cancel = watchers.addMonitor(onExit)
  queueMicrotask(() => watchers.tellMonitors(notice, logger))
  return cancel
}
