/** A message in a mailbox, with the call that waits for its reply. */
import { estimateSize } from './message-size.ts'
import type { PendingCall } from './pending-call.ts'

export class Envelope {
  readonly message: unknown
  /** Estimated bytes, counted against the mailbox. */
  readonly size: number
  /** Undefined for a cast, which has no reply. */
  readonly call: PendingCall | undefined

  constructor(message: unknown, call?: PendingCall) {
    this.message = message
    this.size = estimateSize(message)
    this.call = call
  }
}
