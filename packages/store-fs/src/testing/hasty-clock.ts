/** A clock whose waits are short, so that what a store does in the background happens all the time. */
import type { Clock } from '@beamclaw/core'

export const hastyClock: Pick<Clock, 'setTimer'> = {
  setTimer: (callback, delayMs) => {
    const timer = setTimeout(callback, Math.min(delayMs, 3))
    return { cancel: () => clearTimeout(timer) }
  },
}
