/** Option rules that guards and the fallback share. */
import type { Provider } from '@beamclaw/core'
import type { OptionRule } from '@beamclaw/core/adapter'
import type { ModelGuard } from './model-guard.ts'

/** Accepts an object with the methods of a `Provider`. */
export const aProvider: OptionRule = (value) =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Provider>).doStream === 'function'
    ? undefined
    : 'a Provider: an object with a doStream method'

/** Accepts an object with the method of a `ModelGuard`. */
export const aGuard: OptionRule = (value) =>
  typeof value === 'object' && value !== null && typeof (value as Partial<ModelGuard>).enter === 'function'
    ? undefined
    : 'a ModelGuard: an object with an enter method'

/** Accepts a finite number that is not negative. */
export const anAmount: OptionRule = (value) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? undefined : 'a number of at least 0'
