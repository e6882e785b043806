/** Which messages were accepted, and how often their runs began and ended: each that was accepted ends once. */
import { BeamClawError, type RunningBeamClaw } from '../../../packages/core/src/index.ts'

export class AcceptedMessages {
  /** By the id of its run, the key of the session. */
  readonly #accepted = new Map<string, string>()
  readonly #told = new Map<string, number>()
  readonly #onBroken: (rule: string) => void

  constructor(onBroken: (rule: string) => void) {
    this.#onBroken = onBroken
  }

  accepted(runId: string, sessionKey: string): void {
    this.#accepted.set(runId, sessionKey)
  }

  /** Follows the durable events of one life. */
  follow(running: RunningBeamClaw): void {
    for (const type of ['run-start', 'run-end'] as const) {
      running.on(type, ({ runId }) => {
        const name = `${type} of ${runId}`
        const count = (this.#told.get(name) ?? 0) + 1
        this.#told.set(name, count)
        if (count > 1) this.#onBroken(`nothing is answered twice: ${name}`)
      })
    }
  }

  /** Each accepted message has its end on record, and is in its history once at most. */
  async checkAll(running: RunningBeamClaw, advance: () => Promise<void>): Promise<void> {
    const endings = [...this.#accepted].map(async ([runId, sessionKey]) => {
      const end = running.session(sessionKey).follow(runId).result()
      return { runId, end: await Promise.race([end.then(() => 'completed', codeOf), advance().then(() => 'open')]) }
    })
    for (const { runId, end } of await Promise.all(endings))
      if (lost.has(end)) this.#onBroken(`a message that was accepted ends (${runId}: ${end})`)
    for (const sessionKey of new Set(this.#accepted.values())) {
      const { messages } = await running.session(sessionKey).history()
      const text = messages.map(({ message }) => (message.role === 'user' ? JSON.stringify(message.content) : '')).join('')
      for (const [runId, key] of this.#accepted)
        if (key === sessionKey && text.split(`#${runId}#`).length > 2) this.#onBroken(`no message is in the history twice (${runId})`)
    }
  }
}

/** Ends that no accepted message has. */
const lost: ReadonlySet<string> = new Set([
  'open',
  'unknown-run',
  'unknown-session',
  'unknown-agent',
  'unknown-model',
  'run-interrupted',
  'actor-not-running',
])

function codeOf(error: unknown): string {
  return BeamClawError.isInstance(error) ? error.code : String(error)
}
