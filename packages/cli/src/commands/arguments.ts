/** Parses the values of flags. */
import { ConfigError } from '../config/config-error.ts'

/** Returns a whole number from 1 to `maximum`. Throws `ConfigError`. */
export function count(flag: string, text: string, maximum: number): number {
  if (/^[1-9]\d{0,9}$/.test(text) && Number(text) <= maximum) return Number(text)
  throw new ConfigError([`${flag}: expected a whole number from 1 to ${maximum}`])
}
