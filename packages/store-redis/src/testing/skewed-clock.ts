/** The machine's clock, set forward: as after a sleep of the process that its timers have not noticed yet. */
import { SystemClock } from '@beamclaw/core'

export class SkewedClock extends SystemClock {
  wallMs = 0
  monotonicMs = 0

  override now(): number {
    return super.now() + this.wallMs
  }

  override monotonic(): number {
    return super.monotonic() + this.monotonicMs
  }
}
