/**
 * One stop of everything, in steps, that ends in time even when a step never does.
 *
 * Phases: `under way → done | given up`.
 * I1: Each step begins, even when an earlier one fails or hangs; the first failure is the outcome.
 * I2: The shortest limit of all callers counts. When it has passed, `giveUp` is called once, before any caller hears of it.
 */

import type { Clock } from '@beamclaw/actor'
import { maxTimerMs } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'

export interface StopStep {
  /** What an error calls it: `the event bus`. */
  readonly name: string
  readonly stop: () => unknown
}

export interface BoundedStopOptions {
  /** In this order, one after the other. */
  readonly steps: readonly StopStep[]
  readonly clock: Clock
  /** Returns what hangs, by name, as far as that is known; the step is named otherwise. */
  readonly hanging: () => readonly string[]
  /** Ends at once what has not stopped. */
  readonly giveUp: () => void
}

/** Names in the text of an error; all are in its details. */
const mostNames = 5

export class BoundedStop {
  readonly #options: BoundedStopOptions
  readonly #outcome = Promise.withResolvers<void>()
  /** Steps that have not begun. */
  readonly #waiting: StopStep[]
  #current = ''
  #hasEnded = false

  constructor(options: BoundedStopOptions) {
    this.#options = options
    this.#waiting = [...options.steps]
    this.#outcome.promise.catch(() => {})
    void this.#run()
  }

  /** Resolves once everything has stopped. Rejects with the first failure of a step, and `stop-timeout` after `timeoutMs`; `Infinity` waits. */
  async within(timeoutMs: number): Promise<void> {
    if (this.#hasEnded || timeoutMs > maxTimerMs) return this.#outcome.promise
    const timer = this.#options.clock.setTimer(() => this.#giveUp(timeoutMs), timeoutMs)
    try {
      await this.#outcome.promise
    } finally {
      timer.cancel()
    }
  }

  async #run(): Promise<void> {
    const failures: unknown[] = []
    for (let step = this.#waiting.shift(); step !== undefined; step = this.#waiting.shift()) {
      this.#current = step.name
      try {
        await step.stop()
      } catch (error) {
        failures.push(error)
      }
    }
    this.#hasEnded = true
    if (failures.length > 0) this.#outcome.reject(failures[0])
    else this.#outcome.resolve()
  }

  #giveUp(timeoutMs: number): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const error = stopTimeout(timeoutMs, this.#current, this.#options.hanging())
    this.#options.giveUp()
    // What was not reached yet may still let go of files and connections; the callers do not wait for it.
    for (const { stop } of this.#waiting.splice(0)) (async () => stop())().catch(() => {})
    this.#outcome.reject(error)
  }
}

function stopTimeout(timeoutMs: number, step: string, hanging: readonly string[]): BeamClawError {
  const names = hanging.slice(0, mostNames).join(', ')
  const more = hanging.length > mostNames ? ` and ${hanging.length - mostNames} more` : ''
  const what = hanging.length === 0 ? '' : `; still under way: ${names}${more}`
  const advice = 'Everything was ended as a crash would end it: what was accepted is durable, and the next start goes on with it'
  return new BeamClawError('stop-timeout', `stop: ${step} did not end within ${timeoutMs} ms${what}. ${advice}`, {
    details: { timeoutMs, step, hanging },
  })
}
