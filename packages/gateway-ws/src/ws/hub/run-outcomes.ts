/** How runs end, for those who wait for that. */
import { BeamClawError, type RunStream, type SessionKey, type Usage } from '@beamclaw/core'

/** What became of a run. */
export interface RunOutcome {
  readonly status: 'ok' | 'error' | 'aborted'
  readonly text: string
  readonly usage: Usage | undefined
  readonly stopReason: string | undefined
  /** Why it failed. */
  readonly error: BeamClawError | undefined
}

/** Runs whose session is remembered; the oldest gives way. */
const maxRemembered = 10_000

export class RunOutcomes {
  readonly #sessions = new Map<string, SessionKey>()
  readonly #pending = new Map<string, Promise<RunOutcome>>()

  /** The session of a run that came through this gateway. */
  sessionOf(runId: string): SessionKey | undefined {
    return this.#sessions.get(runId)
  }

  remember(runId: string, key: SessionKey): void {
    this.#sessions.delete(runId)
    this.#sessions.set(runId, key)
    const oldest = this.#sessions.keys().next()
    if (this.#sessions.size > maxRemembered && oldest.done === false) this.#sessions.delete(oldest.value)
  }

  /** Resolves once everybody who waits for a run knows its end. */
  async atRest(): Promise<void> {
    await Promise.allSettled(this.#pending.values())
  }

  /** However many wait for a run, it is followed once. `follow` has been accepted, or its rejection is passed on. */
  of(key: SessionKey, runId: string, follow: () => RunStream): Promise<RunOutcome> {
    const name = `${key} ${runId}`
    const known = this.#pending.get(name)
    if (known !== undefined) return known
    const outcome = outcomeOf(follow()).finally(() => this.#pending.delete(name))
    this.#pending.set(name, outcome)
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
