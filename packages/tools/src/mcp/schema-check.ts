/** Checks the input schemas of tools: servers may lie about them, and models get them with each request. */
import type { JsonObject, JsonValue } from '@beamclaw/core'

const maxBytes = 64 * 1024
const maxDepth = 32
/** References that lead from one to the next. */
const maxHops = 32

/** Returns why a schema cannot be given to a model; undefined for one that can. */
export function schemaProblem(schema: unknown): string | undefined {
  if (!isObject(schema)) return 'its input schema is no object'
  if (schema.type !== 'object') return 'its input schema is not of type "object"'
  if (schema.properties !== undefined && !isObject(schema.properties)) return 'its input schema has "properties" that are no object'
  const deep = depthProblem(schema, 0)
  if (deep !== undefined) return deep
  if (Buffer.byteLength(JSON.stringify(schema)) > maxBytes) return `its input schema has more than ${maxBytes} bytes`
  return referenceProblem(schema, schema)
}

function depthProblem(value: JsonValue | undefined, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (depth > maxDepth) return `its input schema is nested more than ${maxDepth} deep`
  if (Object.hasOwn(value, '__proto__')) return 'its input schema has a key "__proto__"'
  return firstProblem(value, (child) => depthProblem(child, depth + 1))
}

/** References stay within the schema, name something, and lead to more than to themselves. */
function referenceProblem(value: JsonValue | undefined, root: JsonObject): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (isObject(value) && typeof value.$ref === 'string') {
    let target: JsonValue | undefined = value
    for (let hop = 0; isObject(target) && typeof target.$ref === 'string'; hop++) {
      if (hop > maxHops) return 'its input schema has references that lead in a circle'
      target = resolved(target.$ref, root)
      if (target === undefined) return 'its input schema has a reference that leads out of it, or to nothing'
    }
  }
  return firstProblem(value, (child) => referenceProblem(child, root))
}

function resolved(reference: string, root: JsonObject): JsonValue | undefined {
  if (reference === '#') return root
  if (!reference.startsWith('#/')) return undefined
  let found: JsonValue | undefined = root
  for (const step of reference.slice(2).split('/')) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~')
    found = typeof found === 'object' && found !== null && Object.hasOwn(found, key) ? (found as JsonObject)[key] : undefined
  }
  return found
}

function firstProblem(value: object, problemOf: (child: JsonValue) => string | undefined): string | undefined {
  for (const child of Object.values(value)) {
    const problem = problemOf(child as JsonValue)
    if (problem !== undefined) return problem
  }
  return undefined
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
