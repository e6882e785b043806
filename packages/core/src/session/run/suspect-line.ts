/** Makes suspect runs, which may have crashed a process, run their tools one at a time in the whole cluster, so that another crash identifies its cause. */
import type { Clock } from '@beamclaw/actor'
import type { Cluster } from '../../ports/cluster.ts'

/** Milliseconds after which an active tool is cleared and the next one may start: a tool that crashes the process does so at once. */
const longestTurnMs = 30_000

/** What the cluster grants to the node whose suspect has its turn. */
const suspectsLease = 'suspects'

/** Milliseconds until the turn of another node is asked for again. */
const askAgainMs = 250

export class SuspectLine {
  readonly #clock: Clock
  readonly #cluster: Cluster | undefined
  #last: Promise<void> = Promise.resolve()

  /** Without `cluster`, there are no suspects but those of this process. */
  constructor(clock: Clock, cluster?: Cluster) {
    this.#clock = clock
    this.#cluster = cluster
  }

  /**
   * Waits for the caller's turn, or until `signal` is aborted. Resolves with a function that ends the turn. Calls `onCleared` before the next turn
   * starts, if this one has not ended by then.
   */
  async enter(signal: AbortSignal, onCleared: () => Promise<void>): Promise<() => void> {
    const before = this.#last
    const turn = Promise.withResolvers<void>()
    this.#last = turn.promise
    await untilAborted(before, signal)
    if (signal.aborted) {
      void before.then(turn.resolve)
      return () => {}
    }
    const release = await this.#claim(signal)
    const end = (): void => {
      timer.cancel()
      release()
      turn.resolve()
    }
    const timer = this.#clock.setTimer(() => void onCleared().finally(end), longestTurnMs, true)
    return end
  }

  /** Waits until no other node has a suspect at work, or until `signal` is aborted. Resolves with what ends that. The death of a node ends its turn. */
  async #claim(signal: AbortSignal): Promise<() => void> {
    while (this.#cluster !== undefined && !signal.aborted) {
      const cluster = this.#cluster
      try {
        const lease = await cluster.acquire(suspectsLease)
        return () => void cluster.release(lease).catch(() => {})
      } catch {
        await untilAborted(new Promise<void>((resolve) => this.#clock.setTimer(resolve, askAgainMs, true)), signal)
      }
    }
    return () => {}
  }
}

/** Resolves when the promise resolves, or the signal is aborted. */
function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
    promise.then(done)
  })
}
