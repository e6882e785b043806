import type { JsonObject, JsonValue } from '@beamclaw/core'
import { isTooDeep } from './nesting.ts'

/** Returns true for a JSON Schema that services can enforce: every object forbids additional properties and requires all of its own. */
export function isStrictSchema(schema: JsonValue | undefined): boolean {
  return !isTooDeep(schema) && isStrict(schema)
}

function isStrict(schema: JsonValue | undefined): boolean {
  if (Array.isArray(schema)) return schema.every(isStrict)
  if (typeof schema !== 'object' || schema === null) return true
  const { type, properties, required, additionalProperties } = schema as JsonObject
  if (type === 'object' || properties !== undefined) {
    if (additionalProperties !== false) return false
    const names = Object.keys(properties ?? {})
    if (!names.every((name) => Array.isArray(required) && required.includes(name))) return false
  }
  return Object.values(schema).every(isStrict)
}
