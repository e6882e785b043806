/** Tells whether OpenAI can enforce a JSON Schema: one that it cannot, it refuses. developers.openai.com/api/docs/guides/structured-outputs, 2026. */
import type { JsonObject, JsonValue } from '@beamclaw/core'
import { objectOf } from '../shared/fields.ts'
import { isObjectSchema, isStrictSchema } from '../shared/strict-schema.ts'

const maxDepth = 10
const maxProperties = 5_000

/** Keywords that may stand in an enforced schema. Any other may be refused. */
const keywords: ReadonlySet<string> = new Set([
  ...['$schema', '$defs', 'definitions', '$ref', 'type', 'title', 'description', 'enum', 'const', 'anyOf'],
  ...['properties', 'required', 'additionalProperties', 'items', 'minItems', 'maxItems'],
  ...['pattern', 'format', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
])

const formats: ReadonlySet<unknown> = new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uuid'])

/** Returns true for a schema that `strict` can be asked for. */
export function isEnforceable(schema: JsonObject): boolean {
  const left = { properties: maxProperties }
  return isObjectSchema(schema) && schema.anyOf === undefined && isStrictSchema(schema) && isPlain(schema, maxDepth, left)
}

function isPlain(schema: JsonValue | undefined, depth: number, left: { properties: number }): boolean {
  if (typeof schema === 'boolean') return true
  const node = objectOf(schema)
  if (node === undefined || depth < 0) return false
  if (!Object.keys(node).every((key) => keywords.has(key))) return false
  if (node.format !== undefined && !formats.has(node.format)) return false
  const named = [node.properties, node.$defs, node.definitions].flatMap((map) => Object.values(objectOf(map) ?? {}))
  left.properties -= named.length
  if (left.properties < 0) return false
  const inner = [...named, ...(Array.isArray(node.anyOf) ? node.anyOf : []), ...(node.items === undefined ? [] : [node.items])]
  return inner.every((one) => isPlain(one, depth - 1, left))
}
