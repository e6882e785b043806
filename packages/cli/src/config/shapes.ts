/** The kinds of values in a configuration, each with a message of what is expected. */
import * as z from 'zod'
import { nearestName } from './nearest-name.ts'

/** An object with exactly these keys. `later` lists keys of a coming version. */
export function closedObject<T extends z.core.$ZodShape>(shape: T, later: readonly string[] = []) {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => refusal(key, known, later)).join('\n') : `an object with ${list(known)}`,
  })
}

/** Returns why a key is refused. */
function refusal(key: string, known: readonly string[], later: readonly string[]): string {
  if (later.includes(key)) return 'not available in this version'
  const nearest = nearestName(key, known)
  return nearest === undefined ? `unknown key; known are ${list(known)}` : `unknown key; did you mean "${nearest}"?`
}

/** A union of objects, discriminated by `key`. `hintFor` returns what to write in the place of a name that is none of these, if it is known. */
export function oneOfObjects<K extends string, T extends readonly [z.core.$ZodTypeDiscriminable, ...z.core.$ZodTypeDiscriminable[]]>(
  key: K,
  options: T,
  names: readonly string[],
  hintFor: (name: unknown) => string | undefined = () => undefined,
) {
  const choice = `one of ${list(names)}`
  return z.discriminatedUnion(key, options, {
    error: ({ code, input }) => {
      if (code !== 'invalid_union') return `an object whose "${key}" is ${choice}`
      const hint = hintFor((input as Readonly<Record<string, unknown>>)[key])
      return hint === undefined ? choice : `${choice} (${hint})`
    },
  })
}

/** A record of values by name. */
export function named<T extends z.core.SomeType>(key: RegExp, keyRule: string, value: T) {
  return z.record(z.string().regex(key), value, {
    error: (issue) => (issue.code === 'invalid_key' ? `a name that is ${keyRule}` : 'an object'),
  })
}

export function wholeNumber(minimum: number, maximum: number) {
  const error = `a whole number from ${minimum} to ${maximum}`
  return z.int({ error }).min(minimum, { error }).max(maximum, { error })
}

export function flag() {
  return z.boolean({ error: 'true or false' })
}

/** An object of anything that JSON has. */
export function jsonObject() {
  return z.record(z.string(), z.json({ error: 'a value of JSON' }), { error: 'an object' })
}

/** US dollars. */
export function amount() {
  const error = 'a number of at least 0'
  return z.number({ error }).min(0, { error })
}

export function positiveNumber() {
  const error = 'a number above 0'
  return z.number({ error }).positive({ error })
}

export function text(maximum: number) {
  const error = `a string of 1 to ${maximum} characters`
  return z.string({ error }).min(1, { error }).max(maximum, { error })
}

export function pattern(expression: RegExp, error: string) {
  return z.string({ error }).regex(expression, { error })
}

export function choice<const T extends readonly string[]>(values: T) {
  return z.enum(values, { error: `one of ${list(values)}` })
}

export function httpUrl() {
  const error = 'an address that begins with http:// or https://, without a user name'
  return z.url({ protocol: /^https?$/, error }).refine((url) => !/^https?:\/\/[^/?#]*@/i.test(url), { error })
}

export function listOf<T extends z.core.SomeType>(item: T, maximum: number) {
  const error = `a list of at most ${maximum}`
  return z.array(item, { error }).max(maximum, { error })
}

/** Ports, or `any`. */
export function portsOrAny() {
  return z.union([z.literal('any'), z.array(wholeNumber(1, 65_535)).max(1_000)], {
    error: 'any, or a list of at most 1000 whole numbers from 1 to 65535',
  })
}

function list(names: readonly string[]): string {
  return names.join(', ')
}
