/** How long a node may go on without having heard that it is still a member. */
import type { Clock } from '@beamclaw/core'

/** A moment by both clocks. */
export interface Moment {
  readonly wall: number
  readonly monotonic: number
}

/**
 * Knows the last renewal that the server has confirmed, by the moment at which it was sent. Of the two clocks the one that went further counts: the monotonic
 * one stands still while a machine sleeps, and wall time may be set back.
 */
export class SelfFence {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  /** Milliseconds. */
  readonly #limit: number
  #confirmed: Moment

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>, limit: number, sentAt: Moment) {
    this.#clock = clock
    this.#limit = limit
    this.#confirmed = sentAt
  }

  /** Wall time of the last confirmed renewal. */
  get confirmedAt(): number {
    return this.#confirmed.wall
  }

  /** Milliseconds until the node has to stop; 0 when it has to now. */
  get remainingMs(): number {
    const { wall, monotonic } = momentOf(this.#clock)
    const elapsed = Math.max(wall - this.#confirmed.wall, monotonic - this.#confirmed.monotonic)
    return Math.max(0, Math.ceil(this.#limit - elapsed))
  }

  /** @param sentAt when the renewal was sent: the server has counted from a later moment. */
  confirm(sentAt: Moment): void {
    this.#confirmed = sentAt
  }
}

/** Returns the present moment. */
export function momentOf(clock: Pick<Clock, 'now' | 'monotonic'>): Moment {
  return { wall: clock.now(), monotonic: clock.monotonic() }
}
