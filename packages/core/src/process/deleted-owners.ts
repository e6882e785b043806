/** Hears when sessions that have processes are deleted. */
import type { EventBus } from '@beamclaw/actor'
import type { RunEvent } from '../base/events.ts'
import { parseSessionKey, type TenantId } from '../base/ids.ts'
import { committedTopic } from '../session/session-names.ts'

/** The deletion is the last event of a session. */
const maxBuffered = 16

/** Phases: `open → closed`. Owns one subscription for each session that has a process. */
export class DeletedOwners {
  readonly #events: EventBus<RunEvent>
  readonly #tenant: TenantId
  readonly #onDeleted: (sessionKey: string) => void
  readonly #watches = new Map<string, AbortController>()

  constructor(events: EventBus<RunEvent>, tenant: TenantId, onDeleted: (sessionKey: string) => void) {
    this.#events = events
    this.#tenant = tenant
    this.#onDeleted = onDeleted
  }

  /** Watches these sessions, and no others any more. */
  watch(sessionKeys: ReadonlySet<string>): void {
    for (const [sessionKey, end] of this.#watches) {
      if (sessionKeys.has(sessionKey)) continue
      end.abort()
      this.#watches.delete(sessionKey)
    }
    for (const sessionKey of sessionKeys) {
      if (this.#watches.has(sessionKey)) continue
      const end = new AbortController()
      this.#watches.set(sessionKey, end)
      // A bus that has ended ends the table too.
      void this.#follow(sessionKey, end.signal).catch(() => {})
    }
  }

  close(): void {
    this.watch(new Set())
  }

  async #follow(sessionKey: string, signal: AbortSignal): Promise<void> {
    const topic = committedTopic(this.#tenant, parseSessionKey(sessionKey))
    for await (const { type } of this.#events.subscribe(topic, { maxBuffered, signal })) {
      if (!signal.aborted && type === 'session-delete') this.#onDeleted(sessionKey)
    }
  }
}
