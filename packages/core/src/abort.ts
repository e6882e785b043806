/** Signals for code of the user: what a listener throws ends nobody. */
import { isThenable, whenSettled } from './thenable.ts'

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown }

/**
 * Returns a controller whose signal catches what its listeners throw, or reject with, and hands it to `report`. A plain signal has the
 * platform throw it where nobody can catch it, which ends the process. Signals derived by `AbortSignal.any` are plain again.
 */
export function guardedAbortController(report: (error: unknown) => void): AbortController {
  const controller = new AbortController()
  const { signal } = controller
  const { addEventListener, removeEventListener } = signal
  const wrappers = new WeakMap<object, (event: Event) => void>()
  const wrapperOf = (listener: Listener): ((event: Event) => void) => {
    const known = wrappers.get(listener)
    if (known !== undefined) return known
    const wrapper = (event: Event): void => {
      try {
        const outcome: unknown = typeof listener === 'function' ? listener.call(signal, event) : listener.handleEvent(event)
        if (isThenable(outcome)) whenSettled(outcome, () => {}, report)
      } catch (error) {
        report(error)
      }
    }
    wrappers.set(listener, wrapper)
    return wrapper
  }
  const isListener = (value: unknown): value is Listener => typeof value === 'function' || (typeof value === 'object' && value !== null)
  let onAbort: unknown = null
  Object.defineProperties(signal, {
    addEventListener: {
      value: (type: string, listener: unknown, options?: Parameters<typeof addEventListener>[2]) =>
        addEventListener.call(signal, type, isListener(listener) ? wrapperOf(listener) : (listener as never), options),
    },
    removeEventListener: {
      value: (type: string, listener: unknown, options?: Parameters<typeof removeEventListener>[2]) =>
        removeEventListener.call(signal, type, isListener(listener) ? (wrappers.get(listener) ?? listener) : (listener as never), options),
    },
    onabort: {
      get: () => onAbort,
      set: (listener: unknown) => {
        if (isListener(onAbort)) signal.removeEventListener('abort', onAbort as () => void)
        onAbort = listener
        if (typeof listener === 'function') signal.addEventListener('abort', listener as () => void)
      },
    },
  })
  return controller
}
