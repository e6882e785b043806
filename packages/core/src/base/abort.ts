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
  // Only the platform makes signals, so this one is given its methods and its guard afterwards.
  new Guard(Object.setPrototypeOf(controller.signal, GuardedSignal.prototype), report)
  return controller
}

/** Returns the object it is given, so that a subclass adds its private fields to that. */
class Bearer {
  constructor(bearer: object) {
    // biome-ignore lint/correctness/noConstructorReturn: that is what it is for
    return bearer
  }
}

/** What a signal knows of its listeners, in private fields of the signal itself. */
class Guard extends Bearer {
  #report: (error: unknown) => void
  #onAbort: unknown = null
  #wrappers: WeakMap<object, (event: Event) => void> | undefined

  constructor(signal: AbortSignal, report: (error: unknown) => void) {
    super(signal)
    this.#report = report
  }

  /** The guard of a signal; undefined for a signal that has none. */
  static of(signal: object): Guard | undefined {
    return #report in signal ? signal : undefined
  }

  static onAbort(guard: Guard): unknown {
    return guard.#onAbort
  }

  static setOnAbort(guard: Guard, listener: unknown): void {
    guard.#onAbort = listener
  }

  /** What is registered in place of a listener. */
  static wrapperOf(guard: Guard, listener: Listener): ((event: Event) => void) | undefined {
    return guard.#wrappers?.get(listener)
  }

  static wrap(guard: Guard, listener: Listener): (event: Event) => void {
    const known = Guard.wrapperOf(guard, listener)
    if (known !== undefined) return known
    const report = guard.#report
    const wrapper = (event: Event): void => {
      try {
        const outcome: unknown = typeof listener === 'function' ? listener.call(guard, event) : listener.handleEvent(event)
        if (isThenable(outcome)) whenSettled(outcome, () => {}, report)
      } catch (error) {
        report(error)
      }
    }
    guard.#wrappers ??= new WeakMap()
    guard.#wrappers.set(listener, wrapper)
    return wrapper
  }
}

class GuardedSignal extends AbortSignal {
  // Some libraries know a signal by the name of its class.
  static {
    Object.defineProperty(GuardedSignal, 'name', { value: 'AbortSignal' })
  }

  override addEventListener(type: string, listener: unknown, options?: Options): void {
    const guard = Guard.of(this)
    const guarded = guard !== undefined && isListener(listener) ? Guard.wrap(guard, listener) : listener
    super.addEventListener(type, guarded as never, options)
  }

  override removeEventListener(type: string, listener: unknown, options?: Options): void {
    const guard = Guard.of(this)
    const guarded = guard !== undefined && isListener(listener) ? Guard.wrapperOf(guard, listener) : undefined
    super.removeEventListener(type, (guarded ?? listener) as never, options)
  }

  override get onabort(): AbortSignal['onabort'] {
    const guard = Guard.of(this)
    return (guard === undefined ? super.onabort : Guard.onAbort(guard)) as AbortSignal['onabort']
  }

  override set onabort(listener: unknown) {
    const guard = Guard.of(this)
    if (guard === undefined) return
    const before = Guard.onAbort(guard)
    if (isListener(before)) this.removeEventListener('abort', before)
    Guard.setOnAbort(guard, listener)
    if (typeof listener === 'function') this.addEventListener('abort', listener)
  }
}

function isListener(value: unknown): value is Listener {
  return typeof value === 'function' || (typeof value === 'object' && value !== null)
}
