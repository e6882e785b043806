/** Signals for code of the user: what a listener throws ends nobody. */
import { isThenable, whenSettled } from './thenable.ts'

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown }
type Options = Parameters<AbortSignal['addEventListener']>[2]

/**
 * Returns a controller whose signal catches what its listeners throw, or reject with, and hands it to `report`. A plain signal has the
 * platform throw it where nobody can catch it, which ends the process. Signals derived by `AbortSignal.any` are plain again.
 */
export function guardedAbortController(report: (error: unknown) => void): AbortController {
  const controller = new AbortController()
  // Only the platform makes signals, so this one is given the methods afterwards.
  const signal = Object.setPrototypeOf(controller.signal, GuardedSignal.prototype) as GuardedSignal
  signal[guard] = new Guard(report)
  return controller
}

const guard: unique symbol = Symbol('beamclaw.guard')

/** What a signal knows of its listeners. */
class Guard {
  readonly report: (error: unknown) => void
  onAbort: unknown = null
  #wrappers: WeakMap<object, (event: Event) => void> | undefined

  constructor(report: (error: unknown) => void) {
    this.report = report
  }

  /** What is registered in place of a listener. */
  wrapperOf(listener: Listener): ((event: Event) => void) | undefined {
    return this.#wrappers?.get(listener)
  }

  wrap(signal: AbortSignal, listener: Listener): (event: Event) => void {
    const known = this.wrapperOf(listener)
    if (known !== undefined) return known
    const { report } = this
    const wrapper = (event: Event): void => {
      try {
        const outcome: unknown = typeof listener === 'function' ? listener.call(signal, event) : listener.handleEvent(event)
        if (isThenable(outcome)) whenSettled(outcome, () => {}, report)
      } catch (error) {
        report(error)
      }
    }
    this.#wrappers ??= new WeakMap()
    this.#wrappers.set(listener, wrapper)
    return wrapper
  }
}

class GuardedSignal extends AbortSignal {
  declare [guard]: Guard

  override addEventListener(type: string, listener: unknown, options?: Options): void {
    super.addEventListener(type, isListener(listener) ? this[guard].wrap(this, listener) : (listener as never), options)
  }

  override removeEventListener(type: string, listener: unknown, options?: Options): void {
    super.removeEventListener(type, isListener(listener) ? (this[guard].wrapperOf(listener) ?? listener) : (listener as never), options)
  }

  override get onabort(): AbortSignal['onabort'] {
    return this[guard].onAbort as AbortSignal['onabort']
  }

  override set onabort(listener: unknown) {
    const before = this[guard].onAbort
    if (isListener(before)) this.removeEventListener('abort', before)
    this[guard].onAbort = listener
    if (typeof listener === 'function') this.addEventListener('abort', listener)
  }
}

function isListener(value: unknown): value is Listener {
  return typeof value === 'function' || (typeof value === 'object' && value !== null)
}
