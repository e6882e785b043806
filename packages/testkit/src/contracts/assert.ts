/** Assertions of contract tests, independent of any test runner: each throws an `AssertionError` that names the value. */
import { AssertionError, deepStrictEqual } from 'node:assert/strict'
import { inspect } from 'node:util'

function fail(message: string): never {
  throw new AssertionError({ message, stackStartFn: fail })
}

function demand(condition: boolean, problem: string, message: string | undefined): void {
  if (!condition) fail(message === undefined ? problem : `${message}: ${problem}`)
}

function shown(value: unknown): string {
  return inspect(value, { depth: 6, maxArrayLength: 20, maxStringLength: 200, breakLength: 120 })
}

/** A property that is `undefined` is one that is not there. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (typeof value !== 'object' || value === null) return value
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, withoutUndefined(item)]),
  )
}

/** Fails a test with these words. */
export { fail }

/** True when the two are equal, by content. */
function isEqual(actual: unknown, expected: unknown): boolean {
  try {
    deepStrictEqual(withoutUndefined(actual), withoutUndefined(expected))
    return true
  } catch {
    return false
  }
}

export function equal(actual: unknown, expected: unknown, message?: string): void {
  demand(isEqual(actual, expected), `expected ${shown(expected)}, received ${shown(actual)}`, message)
}

export function notEqual(actual: unknown, other: unknown, message?: string): void {
  demand(!isEqual(actual, other), `expected anything but ${shown(other)}`, message)
}

export function greater(actual: number, than: number, message?: string): void {
  demand(actual > than, `expected more than ${than}, received ${actual}`, message)
}

export function atLeast(actual: number, least: number, message?: string): void {
  demand(actual >= least, `expected at least ${least}, received ${actual}`, message)
}

export function atMost(actual: number, most: number, message?: string): void {
  demand(actual <= most, `expected at most ${most}, received ${actual}`, message)
}

export function includes(list: readonly unknown[], item: unknown, message?: string): void {
  demand(list.includes(item), `expected one of ${shown(list)}, received ${shown(item)}`, message)
}

export function excludes(list: readonly unknown[], item: unknown, message?: string): void {
  demand(!list.includes(item), `expected no ${shown(item)} in ${shown(list)}`, message)
}

/** Every property of `expected` is there with an equal value; others may be there, too. */
export function matches(actual: unknown, expected: Readonly<Record<string, unknown>>, message?: string): void {
  const found = typeof actual === 'object' && actual !== null ? (actual as Record<string, unknown>) : {}
  const part = Object.fromEntries(Object.keys(expected).map((key) => [key, found[key]]))
  demand(isEqual(part, expected), `expected ${shown(expected)} in ${shown(actual)}`, message)
}

export function isTrue(condition: boolean, message: string): void {
  demand(condition, message, undefined)
}

export function doesNotThrow(call: () => unknown, message?: string): void {
  try {
    call()
  } catch (error) {
    demand(false, `expected nothing to be thrown, received ${shown(error)}`, message)
  }
}

/** The call throws; returns what it threw. */
export function throws(call: () => unknown, message?: string): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return fail(`${message === undefined ? '' : `${message}: `}expected an error to be thrown`)
}
