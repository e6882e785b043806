/** A subscription of `MistakenBus`. */
import type { SubscribeOptions, Subscription } from '@beamclaw/core'
import type { BusFlaw } from './bus-mistakes.ts'

export class PlainSubscription implements Subscription<unknown> {
  readonly topic: string
  readonly onGap: (() => void) | undefined
  readonly #flaw: BusFlaw | undefined
  readonly #room: number
  readonly #buffer: unknown[] = []
  readonly #onEnd: (ended: PlainSubscription) => void
  readonly #signal: AbortSignal | undefined
  #ready = Promise.withResolvers<void>()
  dropped = 0
  hasJustDropped = false
  isReading = false
  isEnded = false
  #stops = 0
  #wake = (): void => {}

  constructor(flaw: BusFlaw | undefined, topic: string, options: SubscribeOptions, onEnd: (ended: PlainSubscription) => void) {
    this.#flaw = flaw
    this.topic = topic
    this.onGap = options.onGap
    if (flaw !== 'is never ready' && flaw !== 'is not ready when its subscription ends') this.#ready.resolve()
    else if (flaw === 'is not ready when its subscription ends') setImmediate(() => void (this.isEnded || this.#ready.resolve()))
    this.#onEnd = onEnd
    const { maxBuffered = 1_000, signal } = options
    const off = flaw === 'keeps one event more than maxBuffered' ? 1 : flaw === 'keeps one event less than maxBuffered' ? -1 : 0
    this.#room = flaw === 'ignores maxBuffered' ? 1_000 : maxBuffered + off
    this.#signal = signal
    if (flaw !== 'does not end a wait when the signal is aborted') signal?.addEventListener('abort', this.#abort)
    if (signal?.aborted === true && flaw !== 'ignores a signal that was aborted before') this.end()
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  refuseReady(): void {
    this.#ready = Promise.withResolvers()
    this.#ready.reject(new Error('stopped'))
  }

  readonly #abort = (): void => this.end()

  offer(event: unknown): void {
    if (this.isEnded && this.#flaw !== 'collects what comes after the stop') return
    this.hasJustDropped = this.#buffer.length >= this.#room
    if (this.#flaw === 'counts every event as dropped') this.dropped++
    if (this.hasJustDropped) {
      if (this.#flaw !== 'never counts what it dropped' && this.#flaw !== 'counts every event as dropped') this.dropped++
      if (this.#flaw === 'drops the newest when the buffer is full') return
      this.dropOldest()
    }
    if (this.#flaw === 'delivers the newest first') this.#buffer.unshift(event)
    else this.#buffer.push(event)
    this.#wake()
  }

  dropOldest(): void {
    this.#buffer.shift()
  }

  end(): void {
    if (this.isEnded) return
    this.isEnded = true
    if (this.#flaw !== 'leaves its listener on the signal') this.#signal?.removeEventListener('abort', this.#abort)
    if (this.#flaw === 'throws what is buffered away when it is stopped') this.#buffer.length = 0
    if (this.#flaw === 'forgets the count of what it dropped when the subscription ends') this.dropped = 0
    if (this.#flaw !== 'collects what comes after the stop') this.#onEnd(this)
    if (this.#flaw !== 'does not end a wait when it is stopped') this.#wake()
  }

  async stop(): Promise<void> {
    if (this.#stops++ > 0 && this.#flaw === 'rejects a second stop of a subscription') throw new Error('stopped')
    this.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#flaw !== 'does not end when it is disposed') await this.stop()
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    const ended = { done: true, value: undefined } as const
    return {
      next: async () => {
        this.isReading = true
        while (this.#buffer.length === 0) {
          if (this.isEnded) return ended
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
        return { done: false, value: this.#buffer.shift() }
      },
      return: async () => {
        if (this.#flaw !== 'goes on collecting after the loop was left') this.end()
        return ended
      },
    }
  }
}
