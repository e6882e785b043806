/** Hears when a session that has sub-agents is deleted, or aborts a run that has spawned some. */
import type { Clock, TimerHandle } from '@beamclaw/actor'
import { BeamClawError } from '../base/errors.ts'
import type { RunId, SessionKey } from '../base/ids.ts'
import type { PartHost } from '../part/part.ts'

/** Milliseconds until a watch that has failed begins again. */
const retryMs = 5_000

export interface ParentWatchOptions {
  readonly host: PartHost
  readonly sessionKey: SessionKey
  /** Returns the runs whose sub-agents have not ended. */
  readonly runs: () => readonly RunId[]
  readonly onDeleted: () => void
  readonly onAborted: (runId: RunId) => void
}

/**
 * Phases: `watching → closed`. Owns one subscription and the timer of its repeat.
 * I1: The runs are looked up after the place where the events begin is known: an abort comes before it or after it.
 */
export class ParentWatch {
  readonly #options: ParentWatchOptions
  readonly #clock: Clock
  readonly #end = new AbortController()
  #timer: TimerHandle | undefined

  constructor(options: ParentWatchOptions) {
    this.#options = options
    this.#clock = options.host.services.clock
    void this.#watch()
  }

  close(): void {
    this.#end.abort()
    this.#timer?.cancel()
  }

  async #watch(): Promise<void> {
    const { host, sessionKey, onDeleted, onAborted } = this.#options
    const { signal } = this.#end
    try {
      const session = host.session(sessionKey)
      const { seq } = await session.history({ limit: 0 })
      await this.#lookUp()
      if (signal.aborted) return
      for await (const event of session.subscribe(seq + 1, { signal })) {
        if (signal.aborted) return
        if (event.type === 'run-end' && event.outcome === 'aborted') onAborted(event.runId)
      }
    } catch (error) {
      if (!signal.aborted && BeamClawError.isInstance(error, 'unknown-session')) return onDeleted()
    }
    if (!signal.aborted) this.#timer = this.#clock.setTimer(() => void this.#watch(), retryMs, true)
  }

  /** Looks up the runs that have ended while there was no watch. */
  async #lookUp(): Promise<void> {
    const { host, sessionKey, runs, onAborted } = this.#options
    for (const runId of runs()) {
      try {
        const { ended } = await host.session(sessionKey).follow(runId).accepted
        if (ended?.outcome === 'aborted' && !this.#end.signal.aborted) onAborted(runId)
      } catch (error) {
        // A run that was forgotten, or taken back, says nothing.
        if (!BeamClawError.isInstance(error, 'unknown-run')) throw error
      }
    }
  }
}
