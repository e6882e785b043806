/** Rules for the options that providers around providers share. */
import type { OptionRule, Provider } from '@beamclaw/core'

/** Something with the methods of a `Provider`. */
export const aProvider: OptionRule = (value) =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Provider>).doStream === 'function'
    ? undefined
    : 'a Provider: an object with a doStream method'

/** A finite number that is not negative. */
export const anAmount: OptionRule = (value) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? undefined : 'a number of at least 0'
