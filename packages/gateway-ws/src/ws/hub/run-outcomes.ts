/** The outcomes of runs, for requests that wait for them. */
import { BeamClawError, type RunStream, type SessionKey, type Usage } from '@beamclaw/core'

/** The outcome of a run. */
export interface RunOutcome {
  readonly status: 'ok' | 'error' | 'aborted'
  readonly text: string
  readonly usage: Usage | undefined
  readonly stopReason: string | undefined
  /** Why it failed. */
  readonly error: BeamClawError | undefined
}

/** Maximum number of runs whose session is remembered; the oldest is dropped. */
const maxRemembered = 10_000

/**
 * Owns one follower for each run that requests wait for.
 *
 * - I1: a run is followed once, however many requests wait for it.
 * - I2: at most `maxRemembered` sessions of runs are kept in memory.
 */
export class RunOutcomes {
  readonly #sessions = new Map<string, SessionKey>()
  readonly #pending = new Map<string, { readonly key: SessionKey; readonly outcome: Promise<RunOutcome> }>()

  /** Returns the session of a run that was sent through this gateway. */
  sessionOf(runId: string): SessionKey | undefined {
    return this.#sessions.get(runId)
  }

  remember(runId: string, key: SessionKey): void {
    this.#sessions.delete(runId)
    this.#sessions.set(runId, key)
    const oldest = this.#sessions.keys().next()
    if (this.#sessions.size > maxRemembered && oldest.done === false) this.#sessions.delete(oldest.value)
  }

  /** Resolves once every request that waits for a run has its outcome: with true, or with false when some of the runs wait for an approval. */
  async atRest(isParked: (key: SessionKey) => Promise<boolean>): Promise<boolean> {
    const told = await Promise.all(
      [...this.#pending.values()].map(async ({ key, outcome }) => {
        if (await isParked(key)) return false
        await outcome.catch(() => undefined)
        return true
      }),
    )
    return told.every(Boolean)
  }

  /** Resolves with the outcome of a run; rejects when `follow` rejects `accepted`. */
  of(key: SessionKey, runId: string, follow: () => RunStream): Promise<RunOutcome> {
    const name = `${key} ${runId}`
    const known = this.#pending.get(name)
    if (known !== undefined) return known.outcome
    const outcome = outcomeOf(follow()).finally(() => this.#pending.delete(name))
    this.#pending.set(name, { key, outcome })
    return outcome
  }
}

async function outcomeOf(run: RunStream): Promise<RunOutcome> {
  await run.accepted
  try {
    const { text, usage, finish } = await run.result()
    return { status: 'ok', text, usage, stopReason: finish, error: undefined }
  } catch (error) {
    if (!BeamClawError.isInstance(error)) throw error
    return { status: error.code === 'run-aborted' ? 'aborted' : 'error', text: '', usage: undefined, stopReason: undefined, error }
  }
}
