/** Finds what JSON cannot hold in a value, with its place and what to pass instead. For messages to people: it runs after a check has failed. */
import { describeValue } from '@beamclaw/actor/internal'

/** Levels that are searched; what lies deeper is a cycle, or useless. */
const deepest = 64

/**
 * Returns the first thing in a value that JSON cannot hold as it is, such as `context.when is a Date; pass its ISO string`. Undefined where all of
 * it is JSON. Throws what getters and proxies throw.
 */
export function jsonProblemOf(value: unknown, path: string, depth = 0): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `${path} is ${value}; JSON has finite numbers only`
  if (typeof value === 'bigint') return `${path} is a bigint; pass String(value)`
  if (typeof value !== 'object') return `${path} is ${describeValue(value)}, which JSON cannot hold; leave it out`
  if (depth === deepest) return `${path.slice(0, 128)} … has more than ${deepest} levels, or contains itself`
  if (Array.isArray(value)) return firstOf(value.entries(), (index) => `${path}[${index}]`, depth)
  const instead = insteadOf(value)
  if (instead !== undefined) return `${path} is ${instead}`
  return firstOf(
    Object.entries(value).filter(([, inner]) => inner !== undefined),
    (name) => `${path}.${name}`,
    depth,
  )
}

function firstOf<TName>(entries: Iterable<readonly [TName, unknown]>, pathOf: (name: TName) => string, depth: number): string | undefined {
  for (const [name, inner] of entries) {
    const problem = jsonProblemOf(inner, pathOf(name), depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Returns what an instance of a class is, and what to pass in its place; undefined for a plain object. */
function insteadOf(value: object): string | undefined {
  if (value instanceof Date) return 'a Date; pass its ISO string'
  if (value instanceof Map) return 'a Map; pass Object.fromEntries(map)'
  if (value instanceof Set) return 'a Set; pass an array'
  const prototype: unknown = Object.getPrototypeOf(value)
  // A plain object of another realm has another Object.prototype, which also ends its prototype chain.
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return undefined
  return 'an instance of a class; pass a plain object'
}
