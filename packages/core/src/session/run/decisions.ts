/** Tells the waiting parts of a run of decisions about its requests for approval, once they are durable. */
import type { ApprovalAnswer } from '../../base/approval.ts'

export class Decisions {
  readonly #waiting = new Map<string, (answer: ApprovalAnswer) => void>()
  readonly #listeners = new Set<() => void>()

  /** Called once a decision is durable. */
  tell(id: string, answer: ApprovalAnswer): void {
    this.#waiting.get(id)?.(answer)
    for (const listener of [...this.#listeners]) listener()
  }

  /** Calls `listener` with each decision, until the function that it returns is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves with the decision about one request. Rejects with the reason of the signal. */
  wait(id: string, signal: AbortSignal): Promise<ApprovalAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ApprovalAnswer>()
    const abort = (): void => reject(signal.reason)
    this.#waiting.set(id, resolve)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    return promise.finally(() => {
      this.#waiting.delete(id)
      signal.removeEventListener('abort', abort)
    })
  }
}
