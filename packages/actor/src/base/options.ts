/** Checks options once, in the constructor that takes them: the error names the option, the expected and the received value. */
import { BeamClawError, describeError } from './errors.ts'

/**
 * One option's rule: returns what was expected when the value breaks it, else `undefined`.
 *
 * @example
 * const anEvenNumber: OptionRule = (value) => (Number(value) % 2 === 0 ? undefined : 'an even number')
 */
export type OptionRule = (value: unknown) => string | undefined

/** A rule for each known option. Options that are `undefined` take their default and are not checked. */
export type OptionRules<T extends object> = { readonly [K in keyof Required<T>]: OptionRule }

/**
 * Returns a description of a value: its type and, where it cannot hold a secret, its content.
 *
 * @example
 * describeValue('sk-123') // 'a string of 6 characters'
 */
export function describeValue(value: unknown): string {
  if (value === null) return 'null'
  try {
    if (Array.isArray(value)) return `an array of ${value.length}`
  } catch {
    return 'a revoked proxy'
  }
  switch (typeof value) {
    case 'number':
    case 'boolean':
    case 'undefined':
    case 'bigint':
      return String(value)
    case 'string':
      return value === '' ? 'an empty string' : `a string of ${value.length} character${value.length === 1 ? '' : 's'}`
    case 'object':
      return 'an object'
    default:
      return `a ${typeof value}`
  }
}

/**
 * Returns what `reading` returns. An error that a getter or a proxy of the caller throws becomes `invalid-option`, with the place in `details.option`.
 *
 * @example
 * const name = guardedRead('Pump', 'motor', () => options.motor.name)
 */
export function guardedRead<T>(owner: string, option: string, reading: () => T): T {
  try {
    return reading()
  } catch (cause) {
    if (BeamClawError.isInstance(cause)) throw cause
    const problem = `${owner}: option "${option}" cannot be read: ${describeError(cause)}. Pass a plain value.`
    throw new BeamClawError('invalid-option', problem, { cause, details: { owner, option } })
  }
}

/**
 * Returns a copy of options, so that getters and proxies are read once. Throws `invalid-option` for a value that is no object or cannot be read.
 *
 * @example
 * const options = readOptions<PumpOptions>('Pump', given)
 */
export function readOptions<T extends object>(owner: string, given: T): T {
  return guardedRead(owner, 'options', () => {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalidOption(owner, 'options', 'an object', given)
    return { ...given }
  })
}

/**
 * Throws `invalid-option` for the first option that is unknown, missing, out of its rule or cannot be read. `owner` begins the message.
 *
 * @example
 * checkOptions<PumpOptions>('Pump', options, { litres: integer(1), everyMs: duration() }, ['litres'])
 */
export function checkOptions<T extends object>(
  owner: string,
  options: T,
  rules: OptionRules<T>,
  required: readonly (keyof T)[] = [],
): void {
  const names = guardedRead(owner, 'options', () => {
    if (typeof options === 'object' && options !== null && !Array.isArray(options)) return Object.keys(options) as (keyof T & string)[]
    throw invalidOption(owner, 'options', 'an object', options)
  })
  for (const name of names) if (!Object.hasOwn(rules, name)) throw unknownOption(owner, name, Object.keys(rules))
  for (const name of required) {
    const value = guardedRead(owner, String(name), () => options[name])
    if (value === undefined) throw missingOption(owner, String(name), rules[name])
  }
  for (const name of names) {
    guardedRead(owner, name, () => {
      const value = options[name]
      const expected = value === undefined ? undefined : rules[name](value)
      if (expected !== undefined) throw invalidOption(owner, name, expected, value)
    })
  }
}

/** Throws `invalid-option`, with the nearest known name, for the first option that nothing reads. */
export function checkKnownOptions(owner: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknownOption(owner, name, known)
}

function missingOption(owner: string, option: string, rule: OptionRule): BeamClawError {
  const expected = rule(undefined) ?? 'a value'
  return new BeamClawError('invalid-option', `${owner}: option "${option}" is required: ${expected}`, {
    details: { owner, option, expected, received: 'undefined' },
  })
}

/** Returns the error for an option that breaks its rule. */
export function invalidOption(owner: string, option: string, expected: string, received: unknown): BeamClawError {
  return new BeamClawError('invalid-option', `${owner}: option "${option}" must be ${expected}, received ${describeValue(received)}`, {
    details: { owner, option, expected, received: describeValue(received) },
  })
}

function unknownOption(owner: string, option: string, known: readonly string[]): BeamClawError {
  const shown = option.slice(0, 64)
  return new BeamClawError('invalid-option', `${owner}: unknown option "${shown}"; ${hintOf(shown, known, 'options')}`, {
    details: { owner, option: shown, known },
  })
}

/**
 * Returns the end of a message about an unknown name: the known name that was probably meant, or all of them. `plural` is what they are.
 *
 * @example
 * hintOf('mian', ['main'], 'agents') // 'did you mean "main"?'
 */
export function hintOf(name: string, known: readonly string[], plural: string): string {
  if (known.length === 0) return `there are no ${plural}`
  const nearest = nearestName(name, known) ?? known.find((one) => one === usualNames.get(name.toLowerCase()))
  return nearest === undefined ? `known ${plural} are ${known.join(', ')}` : `did you mean "${nearest}"?`
}

/** Names that other libraries have for our options, in lower case. */
const usualNames: ReadonlyMap<string, string> = new Map([
  ['instructions', 'system'],
  ['systemprompt', 'system'],
  ['prompt', 'system'],
  ['maxsteps', 'maxTurns'],
  ['maxiterations', 'maxTurns'],
  ['maxtokens', 'maxOutputTokens'],
  ['parameters', 'input'],
  ['handler', 'execute'],
  ['run', 'execute'],
  ['abortsignal', 'signal'],
  ['schema', 'output'],
  ['metadata', 'data'],
])

/** The known name within two edits of `name`, if there is one. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = 3
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}

/**
 * Returns the rule for a whole number in a closed range.
 *
 * @example
 * integer(1, 10)(11) // 'a whole number from 1 to 10'
 */
export function integer(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): OptionRule {
  const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`
  return (value) =>
    Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum ? undefined : `a whole number ${range}`
}

/** Longest delay that `setTimeout` keeps; a longer one would fire at once. */
export const maxTimerMs = 2_147_483_647

/**
 * Returns the rule for a duration in whole milliseconds, from `minimum` to 24.8 days, the longest that a timer can wait.
 *
 * @example
 * checkOptions<PumpOptions>('Pump', options, { everyMs: duration(1) })
 */
export function duration(minimum = 0): OptionRule {
  return (value) =>
    Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maxTimerMs
      ? undefined
      : `whole milliseconds from ${minimum} to ${maxTimerMs}`
}

/**
 * Returns the rule for one of the listed values.
 *
 * @example
 * oneOf('day', 'month')('week') // 'one of "day", "month"'
 */
export function oneOf(...allowed: readonly (string | boolean)[]): OptionRule {
  return (value) => (allowed.includes(value as string) ? undefined : `one of ${allowed.map((item) => JSON.stringify(item)).join(', ')}`)
}

/** Passes when either rule passes. */
export function either(first: OptionRule, second: OptionRule): OptionRule {
  return (value) => {
    const expectedFirst = first(value)
    if (expectedFirst === undefined) return undefined
    const expectedSecond = second(value)
    return expectedSecond === undefined ? undefined : `${expectedFirst}, or ${expectedSecond}`
  }
}

/**
 * Returns the rule for a string with 1 to `maximum` characters.
 *
 * @example
 * text(5)('too long') // 'a string of 1 to 5 characters'
 */
export function text(maximum = 512): OptionRule {
  return (value) =>
    typeof value === 'string' && value.length > 0 && value.length <= maximum ? undefined : `a string of 1 to ${maximum} characters`
}

/** The rule for a function. */
export const aFunction: OptionRule = (value) => (typeof value === 'function' ? undefined : 'a function')

/** The rule for `true` or `false`. */
export const aBoolean: OptionRule = (value) => (typeof value === 'boolean' ? undefined : 'true or false')

/** The rule for an object that is not an array. */
export const anObject: OptionRule = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : 'an object'

/**
 * Returns the rule for an object that has these methods.
 *
 * @example
 * checkOptions<PumpOptions>('Pump', options, { clock: anObjectWith('now', 'setTimer') })
 */
export function anObjectWith(...methods: readonly string[]): OptionRule {
  return (value) => {
    const hasAll = typeof value === 'object' && value !== null && methods.every((name) => typeof Reflect.get(value, name) === 'function')
    return hasAll ? undefined : `an object with ${methods.join(', ')}`
  }
}

/** Something like an AbortSignal. */
export const aSignal: OptionRule = (value) =>
  // A proxy of a signal is an instance, and throws when it is read.
  value instanceof AbortSignal && typeof value.aborted === 'boolean' ? undefined : 'an AbortSignal'

/** The rule for an array. */
export const anArray: OptionRule = (value) => (Array.isArray(value) ? undefined : 'an array')

/** Anything: for options that are checked elsewhere. */
export const anything: OptionRule = () => undefined

/** Returns the object without the keys whose value is undefined. */
export function definedOnly<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
