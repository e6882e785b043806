/**
 * A caller that waits for the reply to a message.
 *
 * Phases: `waiting → settled`. Owns the two functions of the caller's promise and the clean-ups. The timer that watches it owns `heapIndex`.
 * I1: It settles once; every later `answer` or `reject` does nothing.
 * I2: When it settles it leaves its timer and runs each clean-up once, before the caller's continuation runs.
 */
import type { BeamClawError } from '../base/errors.ts'
import { Refusal } from './refusal.ts'

/** Rejects calls at their deadlines; a call that settles removes itself. */
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

  /** True once the caller has its reply, or has stopped waiting for one. */
  get isSettled(): boolean {
    return this.#resolve === undefined
  }

  /** Registers a callback for the moment the call settles. */
  onSettled(cleanUp: () => void): void {
    this.#cleanUps ??= []
    this.#cleanUps.push(cleanUp)
  }

  /** Resolves the call with what the handler returned; rejects it for a refusal. Does nothing a second time. */
  answer(answer: unknown): void {
    if (answer instanceof Refusal) return this.reject(answer.error)
    const resolve = this.#resolve
    if (resolve === undefined) return
    this.#settle()
    resolve(answer)
  }

  /** Rejects the call. Does nothing a second time. */
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
