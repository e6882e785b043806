/** A subscription whose end is noticed, and which is ready when the topic is followed. */
import type { Subscription } from '@beamclaw/actor'

/** Phases: `open → ended`. Owns the subscription to the bus of the node, and its listener on `signal`. */
export class FollowedSubscription<TEvent> implements Subscription<TEvent> {
  readonly ready: Promise<void>
  readonly #inner: Subscription<TEvent>
  readonly #signal: AbortSignal | undefined
  readonly #onEnd: () => void
  #endWait = (): void => {}
  #isEnded = false

  /** `followed` resolves once the topic is followed; undefined when it is. */
  constructor(inner: Subscription<TEvent>, followed: Promise<void> | undefined, signal: AbortSignal | undefined, onEnd: () => void) {
    this.#inner = inner
    this.#signal = signal
    this.#onEnd = onEnd
    this.ready = followed === undefined ? inner.ready : this.#readyWith(followed)
    signal?.addEventListener('abort', this.end, { once: true })
  }

  get dropped(): number {
    return this.#inner.dropped
  }

  stop(): Promise<void> {
    this.end()
    return this.#inner.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  [Symbol.asyncIterator](): AsyncIterator<TEvent> {
    const events = this.#inner[Symbol.asyncIterator]()
    return {
      next: () => events.next(),
      return: async () => {
        await this.stop()
        return { done: true, value: undefined }
      },
    }
  }

  async #readyWith(followed: Promise<void>): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#endWait = resolve
    })
    await Promise.race([Promise.all([this.#inner.ready, followed]), ended])
  }

  /** Ends what is beside the subscription of the node. */
  readonly end = (): void => {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#signal?.removeEventListener('abort', this.end)
    this.#endWait()
    this.#onEnd()
  }
}
