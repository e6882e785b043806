/** JSON Schemas as services can enforce them: keywords that they refuse become words, and the answer is checked against the whole schema afterwards. */
import type { JsonObject, JsonValue } from '@beamclaw/core'

/** Which keywords a service refuses, by the value they have. */
export type Refused = (keyword: string, value: JsonValue) => boolean

/**
 * Returns a schema without the refused keywords, each said in the description instead, and with `additionalProperties: false` in each object. Undefined for a
 * schema that cannot be said so: one with open objects, or one that refers to itself.
 */
export function reducedSchema(schema: JsonObject, isRefused: Refused): JsonObject | undefined {
  try {
    if (isRecursive(schema, { root: schema, open: new Set(), closed: new Set() })) return undefined
    return reduced(schema, isRefused) as JsonObject
  } catch (error) {
    if (error instanceof OpenSchema) return undefined
    throw error
  }
}

class OpenSchema extends Error {}

/** Keywords whose values are names and not keywords. */
const ofNames: ReadonlySet<string> = new Set(['properties', '$defs', 'definitions', 'patternProperties', 'dependentSchemas'])

/** Keywords whose values are data. */
const ofData: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples', 'required'])

function reduced(schema: JsonValue | undefined, isRefused: Refused): JsonValue {
  if (Array.isArray(schema)) return schema.map((item: JsonValue) => reduced(item, isRefused))
  if (typeof schema !== 'object' || schema === null) return schema ?? null
  const kept: Record<string, JsonValue> = {}
  const said: string[] = []
  for (const [keyword, value] of Object.entries(schema as JsonObject)) {
    if (value === undefined) continue
    if (isRefused(keyword, value)) said.push(`${keyword}: ${JSON.stringify(value)}`)
    else if (ofData.has(keyword)) kept[keyword] = value
    else if (ofNames.has(keyword)) kept[keyword] = eachReduced(value, isRefused)
    else kept[keyword] = reduced(value, isRefused)
  }
  if (isObjectSchema(kept)) {
    // An object that may have any fields is one of these: the service would answer with none of them.
    if (kept.additionalProperties !== undefined && kept.additionalProperties !== false) throw new OpenSchema()
    if (kept.properties === undefined || kept.patternProperties !== undefined) throw new OpenSchema()
    kept.additionalProperties = false
  }
  if (said.length > 0) kept.description = [kept.description ?? [], said.join(', ')].flat().join(' ')
  return kept
}

function eachReduced(schemas: JsonValue, isRefused: Refused): JsonValue {
  if (typeof schemas !== 'object' || schemas === null || Array.isArray(schemas)) return schemas
  return Object.fromEntries(Object.entries(schemas as JsonObject).map(([name, inner]) => [name, reduced(inner, isRefused)]))
}

function isObjectSchema({ type, properties }: Readonly<Record<string, JsonValue>>): boolean {
  return type === 'object' || properties !== undefined || (Array.isArray(type) && type.includes('object'))
}

/** The references on the way from the root, and those behind which no loop is: without these, definitions that branch have too many ways to follow. */
interface Walk {
  readonly root: JsonObject
  readonly open: Set<string>
  readonly closed: Set<string>
}

function isRecursive(value: JsonValue | undefined, walk: Walk): boolean {
  if (Array.isArray(value)) return value.some((item: JsonValue) => isRecursive(item, walk))
  if (typeof value !== 'object' || value === null) return false
  const { $ref } = value as JsonObject
  if (typeof $ref === 'string') return $ref === '#' || isRecursiveBehind($ref, walk)
  return Object.entries(value as JsonObject).some(
    ([keyword, inner]) => keyword !== '$defs' && keyword !== 'definitions' && isRecursive(inner, walk),
  )
}

function isRecursiveBehind(reference: string, walk: Walk): boolean {
  const { root, open, closed } = walk
  if (open.has(reference)) return true
  if (closed.has(reference)) return false
  open.add(reference)
  if (isRecursive(targetOf(reference, root), walk)) return true
  open.delete(reference)
  closed.add(reference)
  return false
}

function targetOf(reference: string, root: JsonObject): JsonValue | undefined {
  let target: JsonValue | undefined = root
  for (const name of reference.replace(/^#\//, '').split('/')) {
    if (typeof target !== 'object' || target === null || Array.isArray(target)) return undefined
    target = (target as JsonObject)[name.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return target
}
