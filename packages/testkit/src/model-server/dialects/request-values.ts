/** Reads the body of a request, which may be anything. */
import type { JsonObject } from '@beamclaw/core'

/** Returns an object, empty for anything else. */
export function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** Returns the objects of a list, none for anything else. */
export function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.map(objectOf) : []
}

/** Returns a value and everything in it, as far as they are objects. */
export function valuesOf(value: unknown): readonly JsonObject[] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.values(value).flatMap(valuesOf)
  return Array.isArray(value) ? inner : [value as JsonObject, ...inner]
}
