import type { BeamClawError } from '../base/errors.ts'

/** An answer that makes the caller's `call` reject, without crashing the actor that gives it. */
export class Refusal {
  readonly error: BeamClawError

  constructor(error: BeamClawError) {
    this.error = error
  }
}

/** Returned from a handler: fails this call with `error` and goes on. A cast ignores it. */
export function refuse(error: BeamClawError): Refusal {
  return new Refusal(error)
}
