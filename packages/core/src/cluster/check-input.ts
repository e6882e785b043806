/** Checks what callers pass to the classes of this folder. */
import { aFunction, invalidOption, type OptionRule, text } from '@beamclaw/actor/internal'
import { maxNameLength } from './entry-messages.ts'

/** Throws `invalid-option` for a name of other than 1 to 256 characters. */
export function checkName(owner: string, option: string, value: unknown): void {
  check(text(maxNameLength), owner, option, value)
}

/** Throws `invalid-option` for what is no function. */
export function checkFunction(owner: string, option: string, value: unknown): void {
  check(aFunction, owner, option, value)
}

function check(rule: OptionRule, owner: string, option: string, value: unknown): void {
  const expected = rule(value)
  if (expected !== undefined) throw invalidOption(owner, option, expected, value)
}
