/**
 * The registries and monitors that are told of an actor's end: registries first, so that no monitor finds an entry of the actor that ended.
 *
 * Phases: none. Owns both sets until `tell`.
 * I1: `tell` empties the sets before it calls anything, so each watcher is told once, even when a monitor throws or calls back.
 */

import { describeError } from '../base/errors.ts'
import { ExitNotice, type ExitReason } from '../base/exit-reason.ts'
import { isThenable, whenSettled } from '../base/thenable.ts'
import type { Logger } from '../ports/services.ts'
import type { Registration } from './internals.ts'

type OnExit = (notice: ExitNotice) => void

export class Watchers {
  #registrations: Registration | Set<Registration> | undefined
  #monitors: Set<{ readonly onExit: OnExit }> | undefined

  addRegistration(registration: Registration): void {
    if (this.#registrations === undefined) this.#registrations = registration
    else if (this.#registrations instanceof Set) this.#registrations.add(registration)
    else this.#registrations = new Set([this.#registrations, registration])
  }

  removeRegistration(registration: Registration): void {
    if (this.#registrations === registration) this.#registrations = undefined
    else if (this.#registrations instanceof Set) this.#registrations.delete(registration)
  }

  get registrations(): readonly Registration[] {
    if (this.#registrations === undefined) return []
    return this.#registrations instanceof Set ? [...this.#registrations] : [this.#registrations]
  }

  /** Adds a monitor; the same function may monitor twice. Returns a function that removes it. */
  addMonitor(onExit: OnExit): () => void {
    const monitor = { onExit }
    this.#monitors ??= new Set()
    this.#monitors.add(monitor)
    return () => this.#monitors?.delete(monitor)
  }

  /** Drops the entries, then calls every monitor once. The others are called too when one throws. */
  tell(id: string, reason: ExitReason, logger: Logger | undefined): void {
    const registrations = this.#registrations
    this.#registrations = undefined
    if (registrations instanceof Set) for (const registration of registrations) registration.drop()
    else registrations?.drop()
    if (this.#monitors !== undefined) this.tellMonitors(new ExitNotice(id, reason), logger)
  }

  tellMonitors(notice: ExitNotice, logger: Logger | undefined): void {
    const monitors = this.#monitors
    this.#monitors = undefined
    if (monitors === undefined) return
    const failed = (error: unknown): void => logger?.log('error', 'actor.monitor-failed', { id: notice.id, error: describeError(error) })
    for (const { onExit } of monitors) {
      try {
        const outcome: unknown = onExit(notice)
        if (isThenable(outcome)) whenSettled(outcome, () => {}, failed)
      } catch (error) {
        failed(error)
      }
    }
  }
}

/** Calls a monitor that came after the actor's end, in a microtask. Returns a function that cancels. */
export function tellTooLate(notice: ExitNotice, onExit: OnExit, logger: Logger | undefined): () => void {
  const watchers = new Watchers()
  const cancel = watchers.addMonitor(onExit)
  queueMicrotask(() => watchers.tellMonitors(notice, logger))
  return cancel
}
