import type { JsonObject, JsonValue } from '@beamclaw/core'
import { isTooDeep } from './nesting.ts'

/** Returns true for a schema whose root is an object, which is the only one that most services take at all. */
export function isObjectSchema(schema: JsonObject): boolean {
  return schema.type === 'object'
}

/** Returns what is said when a model is asked in words for an answer whose schema `isObjectSchema` is not true for. */
export function saidInWords(model: string): string {
  return `${model} is held to schemas of objects alone, so it was asked in words for an answer of another type. Wrap it in an object to have it enforced.`
}

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
