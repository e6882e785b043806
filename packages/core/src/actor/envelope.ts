/** A message on its way, with whoever waits for the answer. */
import type { BeamClawError } from '../errors.ts'
import { estimateSize } from './message-size.ts'
import { Refusal } from './refusal.ts'

/** Ends calls whose time is up; an envelope that is settled leaves it. */
export interface EnvelopeTimer {
  remove(envelope: Envelope): void
}

export class Envelope {
  readonly message: unknown
  /** Estimated bytes, counted against the mailbox. */
  readonly size: number
  /** On the monotonic clock; `Infinity` where nobody waits or the caller waits for ever. */
  readonly deadline: number
  /** The timer that watches the deadline, and the place in its heap. Written by that timer alone. */
  timer: EnvelopeTimer | undefined
  heapIndex = -1
  readonly #isCall: boolean
  #resolve: ((reply: unknown) => void) | undefined
  #reject: ((error: BeamClawError) => void) | undefined
  #cleanUps: (() => void)[] | undefined

  constructor(message: unknown, deadline: number, resolve?: (reply: unknown) => void, reject?: (error: BeamClawError) => void) {
    this.message = message
    this.size = estimateSize(message)
    this.deadline = deadline
    this.#isCall = resolve !== undefined
    this.#resolve = resolve
    this.#reject = reject
  }

  /** A message nobody waits for. */
  static cast(message: unknown): Envelope {
    return new Envelope(message, Number.POSITIVE_INFINITY)
  }

  /** True while somebody waits for the answer. */
  get isAwaited(): boolean {
    return this.#resolve !== undefined
  }

  /** True for a call whose caller has its answer, or stopped waiting for one. */
  get isSettled(): boolean {
    return this.#isCall && this.#resolve === undefined
  }

  /** Runs once the caller has its answer. */
  onSettled(cleanUp: () => void): void {
    this.#cleanUps ??= []
    this.#cleanUps.push(cleanUp)
  }

  /** Gives the caller what the handler answered; does nothing for a cast or a second time. */
  answer(answer: unknown): void {
    if (answer instanceof Refusal) return this.reject(answer.error)
    const resolve = this.#resolve
    if (resolve === undefined) return
    this.#settle()
    resolve(answer)
  }

  /** Fails the caller; does nothing for a cast or a second time. */
  reject(error: BeamClawError): void {
    const reject = this.#reject
    if (reject === undefined) return
    this.#settle()
    reject(error)
  }

  #settle(): void {
    this.#resolve = undefined
    this.#reject = undefined
    this.timer?.remove(this)
    if (this.#cleanUps === undefined) return
    for (const cleanUp of this.#cleanUps) cleanUp()
    this.#cleanUps = undefined
  }
}
