import type { BeamClawError } from '../base/errors.ts'

/** A result of a handler that rejects the caller's `call` without crashing the actor. */
export class Refusal {
  readonly error: BeamClawError

  constructor(error: BeamClawError) {
    this.error = error
  }
}

/**
 * Returns a result for a handler that rejects this call with `error`; the actor goes on. For a cast it has no effect.
 *
 * @example
 * if (amount > this.#balance) return refuse(bankError('no-funds', `The balance is ${this.#balance}`))
 */
export function refuse(error: BeamClawError): Refusal {
  return new Refusal(error)
}
