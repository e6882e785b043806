/** Abort signals for user code: an error that a listener throws is reported and does not end the process. */
import { isThenable, whenSettled } from './thenable.ts'

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown }
type Options = Parameters<AbortSignal['addEventListener']>[2]

/**
 * Returns a controller whose signal catches what its listeners throw, or reject with, and hands it to `report`. With a plain signal this is an
 * uncaught exception, which ends the process. Signals derived by `AbortSignal.any` are plain again.
 */
export function guardedAbortController(report: (error: unknown) => void): AbortController {
  const controller = new AbortController()
  // Only the platform can construct signals, so the prototype and the guard are set afterwards.
  new Guard(Object.setPrototypeOf(controller.signal, GuardedSignal.prototype), report)
  return controller
}

/** A constructor that returns the object it is given, so that a subclass adds its private fields to that object. */
class Bearer {
  constructor(bearer: object) {
    // biome-ignore lint/correctness/noConstructorReturn: this is the purpose of the class
    return bearer
  }
}

/** The listeners of a signal, in private fields of the signal itself. */
class Guard extends Bearer {
  #report: (error: unknown) => void
  #onAbort: unknown = null
  #wrappers: WeakMap<object, (event: Event) => void> | undefined

  constructor(signal: AbortSignal, report: (error: unknown) => void) {
    super(signal)
    this.#report = report
  }

  /** Returns the guard of a signal; undefined for a plain signal. */
  static of(signal: object): Guard | undefined {
    return #report in signal ? signal : undefined
  }

  static onAbort(guard: Guard): unknown {
    return guard.#onAbort
  }

  static setOnAbort(guard: Guard, listener: unknown): void {
    guard.#onAbort = listener
  }

  /** Returns the function that is registered in place of a listener. */
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
  // Some libraries recognise a signal by the name of its class.
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
