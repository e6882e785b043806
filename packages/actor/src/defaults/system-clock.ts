import type { Clock, TimerHandle } from '../ports/services.ts'

/**
 * The machine's clock and timers.
 *
 * @example
 * const timer = new SystemClock().setTimer(() => console.log('late'), 1_000)
 */
export class SystemClock implements Clock {
  now(): number {
    return Date.now()
  }

  monotonic(): number {
    return performance.now()
  }

  setTimer(callback: () => void, delayMs: number, background = false): TimerHandle {
    const timer = setTimeout(callback, delayMs)
    if (background) timer.unref?.()
    return { cancel: () => clearTimeout(timer) }
  }

  yieldTo(callback: () => void): void {
    if (typeof setImmediate === 'function') setImmediate(callback)
    else setTimeout(callback, 0)
  }
}
