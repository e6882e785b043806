/** The translators of the runs of one session that are not over. */
import { RunTeller } from './run-teller.ts'

/** I1: a run has at most one translator, from its first event until it is deleted. */
export class RunTellers {
  readonly #session: { readonly sessionKey: string; readonly agentId: string }
  readonly #tellers = new Map<string, RunTeller>()

  constructor(session: { readonly sessionKey: string; readonly agentId: string }) {
    this.#session = session
  }

  get size(): number {
    return this.#tellers.size
  }

  /** Returns the translator of a run; makes it at the first event. */
  of(runId: string): RunTeller {
    const known = this.#tellers.get(runId)
    if (known !== undefined) return known
    const teller = new RunTeller({ runId, ...this.#session })
    this.#tellers.set(runId, teller)
    return teller
  }

  /** Returns the run under way that this run is or has joined, with its translator. */
  hostOf(runId: string): readonly [string | undefined, RunTeller | undefined] {
    const own = this.#tellers.get(runId)
    if (own !== undefined) return [runId, own]
    for (const [host, teller] of this.#tellers) if (teller.members.has(runId)) return [host, teller]
    return [undefined, undefined]
  }

  delete(runId: string): void {
    this.#tellers.delete(runId)
  }

  clear(): void {
    this.#tellers.clear()
  }

  [Symbol.iterator](): Iterator<RunTeller> {
    return this.#tellers.values()
  }
}
