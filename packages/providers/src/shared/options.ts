/** Provider options are checked once, in the constructor: a bad one names itself, what was expected and what came; its value is never shown. */
import { BeamClawError } from '@beamclaw/core'
import * as z from 'zod'

/** The longest delay a timer keeps; a longer one would fire at once. */
const maxTimerMs = 2_147_483_647

/** Milliseconds, from 1 up to the longest delay a timer keeps. */
export const deadlineMs = z
  .number()
  .refine((value) => value >= 1 && value <= maxTimerMs, `must be milliseconds from 1 to ${maxTimerMs}`)
  .optional()

/** A function, for example `fetch`. */
export function aFunction<T>() {
  return z.custom<T>((value) => typeof value === 'function', 'must be a function')
}

/** An object with the given methods, for example a `Clock`. */
export function anObjectWith<T>(...methods: readonly string[]) {
  return z.custom<T>(
    (value) => typeof value === 'object' && value !== null && methods.every((name) => typeof Reflect.get(value, name) === 'function'),
    `must be an object with ${methods.join(', ')}`,
  )
}

/** Throws `invalid-option` for the first option that breaks `schema`. */
export function checkOptions(owner: string, schema: z.ZodType, options: unknown): void {
  const checked = schema.safeParse(options)
  if (checked.success) return
  const issue = checked.error.issues[0]
  const unknownName = issue?.code === 'unrecognized_keys' ? issue.keys[0]?.slice(0, 64) : undefined
  const option = unknownName ?? (issue?.path.map(String).join('.').slice(0, 64) || 'options')
  const expected = unknownName === undefined ? (issue?.message ?? 'is not valid') : 'is not known'
  throw new BeamClawError('invalid-option', `${owner}: option "${option}" ${expected}`, { details: { owner, option, expected } })
}
