/** Somebody who waits for the answer to a message. */
import type { BeamClawError } from '../base/errors.ts'
import { Refusal } from './refusal.ts'

/** Ends calls whose time is up; a call that is settled leaves it. */
export interface CallTimer {
  remove(call: PendingCall): void
}

export class PendingCall {
  /** On the monotonic clock; `Infinity` where the caller waits for ever. */
  readonly deadline: number
  /** The timer that watches the deadline, and the place in its heap. Written by that timer alone. */
  timer: CallTimer | undefined
  heapIndex = -1
  #resolve: ((reply: unknown) => void) | undefined
  #reject: ((error: BeamClawError) => void) | undefined
  #cleanUps: (() => void)[] | undefined

  constructor(deadline: number, resolve: (reply: unknown) => void, reject: (error: BeamClawError) => void) {
    this.deadline = deadline
    this.#resolve = resolve
    this.#reject = reject
  }

  /** True once the caller has its answer, or has stopped waiting for one. */
  get isSettled(): boolean {
    return this.#resolve === undefined
  }

  /** Runs once the caller has its answer. */
  onSettled(cleanUp: () => void): void {
    this.#cleanUps ??= []
    this.#cleanUps.push(cleanUp)
  }

  /** Gives the caller what the handler answered; does nothing a second time. */
  answer(answer: unknown): void {
    if (answer instanceof Refusal) return this.reject(answer.error)
    const resolve = this.#resolve
    if (resolve === undefined) return
    this.#settle()
    resolve(answer)
  }

  /** Fails the caller; does nothing a second time. */
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
