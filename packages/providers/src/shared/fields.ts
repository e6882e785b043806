/** Looks into JSON of unknown shape. No schema: an event comes for every word, and a check by hand takes a tenth of the time. */
import type { JsonObject } from '@beamclaw/core'

/** Returns the value if it is an object, otherwise undefined. */
export function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined
}

/** Returns the objects of a list; none for a value that is no list. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  if (!Array.isArray(value)) return []
  return value.filter((item) => objectOf(item) !== undefined) as readonly JsonObject[]
}

/** Returns the value if it is text, otherwise undefined. */
export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Returns a number of tokens; 0 for a value that is none. */
export function countIn(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.round(value) : 0
}
