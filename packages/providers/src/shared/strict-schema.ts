import type { JsonObject, JsonValue } from '@beamclaw/core'

/** True for a JSON Schema whose objects all forbid other properties and require every one of theirs: what services can enforce. */
export function isStrictSchema(schema: JsonValue | undefined): boolean {
  if (Array.isArray(schema)) return schema.every(isStrictSchema)
  if (typeof schema !== 'object' || schema === null) return true
  const { type, properties, required, additionalProperties } = schema as JsonObject
  if (type === 'object' || properties !== undefined) {
    if (additionalProperties !== false) return false
    const names = Object.keys(properties ?? {})
    if (!names.every((name) => Array.isArray(required) && required.includes(name))) return false
  }
  return Object.values(schema).every(isStrictSchema)
}
