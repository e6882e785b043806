/** Asks for structured output: enforced where the service can, and in words where it cannot. */
import type { JsonObject, JsonValue, ProviderRequest } from '@beamclaw/core'
import { reducedSchema } from '../shared/reduced-schema.ts'

type ResponseFormat = ProviderRequest['responseFormat']

/** Keywords that the service refuses in a schema: platform.claude.com/docs/en/build-with-claude/structured-outputs (2026). */
const refusedKeywords: ReadonlySet<string> = new Set([
  '$schema',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
])

/** Arrays may be required to have no element or one; patterns may not look around. */
function isRefused(keyword: string, value: JsonValue): boolean {
  if (keyword === 'minItems') return value !== 0 && value !== 1
  if (keyword === 'pattern') return typeof value === 'string' && /\(\?[=!<]/.test(value)
  return refusedKeywords.has(keyword)
}

/** Returns the field for a schema that the service can enforce. */
export function toOutputFormat(format: ResponseFormat): JsonObject | undefined {
  const schema = enforcedSchema(format)
  return schema === undefined ? undefined : { type: 'json_schema', schema }
}

/** Returns what the system prompt says where no schema is enforced; the empty string where nothing is to be said. */
export function jsonInstruction(format: ResponseFormat): string {
  if (format === undefined || enforcedSchema(format) !== undefined) return ''
  const shape = format.schema === undefined ? '' : ` It must match this JSON Schema: ${JSON.stringify(format.schema)}`
  return `Answer with one JSON value and nothing else: no words around it, no code fence.${shape}`
}

function enforcedSchema(format: ResponseFormat): JsonObject | undefined {
  return format?.schema === undefined ? undefined : reducedSchema(format.schema, isRefused)
}
