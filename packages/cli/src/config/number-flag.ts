/** Whole numbers in flags and in variables of the environment. */
import { ConfigError } from './config-error.ts'

/** Returns the number, or undefined for a value that is not set. Throws `ConfigError`, which names `source`. */
export function numberFlag(source: string, text: string | undefined, maximum: number): number | undefined {
  if (text === undefined || text === '') return undefined
  if (/^\d{1,9}$/.test(text) && Number(text) <= maximum) return Number(text)
  throw new ConfigError([`${source}: expected a whole number from 0 to ${maximum}`])
}
