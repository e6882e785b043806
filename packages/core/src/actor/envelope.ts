/** A message on its way, with whoever waits for the answer. */
import { estimateSize } from './message-size.ts'
import type { PendingCall } from './pending-call.ts'

export class Envelope {
  readonly message: unknown
  /** Estimated bytes, counted against the mailbox. */
  readonly size: number
  /** Undefined for a cast, whose answer nobody waits for. */
  readonly call: PendingCall | undefined

  constructor(message: unknown, call?: PendingCall) {
    this.message = message
    this.size = estimateSize(message)
    this.call = call
  }
}
