/** The part of Standard Schema (standardschema.dev) that tools and structured output use; any library that implements it works. */
import { anObject, describeValue, type OptionRule } from '@beamclaw/actor/internal'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { JsonObject } from '../base/messages.ts'

/** A schema that validates a value, of type `TInput` where it fits, and returns the parsed output of type `TOutput`. */
export interface StandardSchema<TOutput = unknown, TInput = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => ValidationResult<TOutput> | Promise<ValidationResult<TOutput>>
    readonly types?: { readonly input: TInput; readonly output: TOutput } | undefined
    /** Standard JSON Schema: the description of the schema's input. */
    readonly jsonSchema?: { readonly input: (options: { readonly target: string }) => Record<string, unknown> } | undefined
  }
}

export type ValidationResult<TOutput> =
  | { readonly value: TOutput; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
      }[]
    }

/** The rule for a schema of a library that implements Standard Schema. */
export const aStandardSchema: OptionRule = (value) => {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function'
  const standard = isObject ? (value as Partial<StandardSchema>)['~standard'] : undefined
  return typeof standard?.validate === 'function' ? undefined : 'a schema that speaks Standard Schema, such as z.object({ … }) of zod'
}

/**
 * Returns the JSON Schema of a schema's input. Throws `invalid-option`, with the path, when a part cannot be expressed as JSON Schema; `instead`
 * names the option that takes the JSON Schema itself.
 */
export function jsonSchemaOf(owner: string, option: string, schema: StandardSchema, instead: string): JsonObject {
  const problem = schemaProblem(schema)
  if (typeof problem !== 'string') return problem.schema
  const path = pathOfProblem(schema)
  const place = path === '' ? '' : ` at "${path}"`
  const message = `${owner}: option "${option}" cannot be told to a model as JSON Schema${place}: ${problem}; use types that JSON has, or pass "${instead}" as well`
  throw new BeamClawError('invalid-option', message, { details: { owner, option, path } })
}

/** The rule for a JSON Schema: a schema of a library belongs in the option `instead`, and would be sent to the model with all its inner fields. */
export function aJsonSchema(instead: string): OptionRule {
  return (value) => {
    if (aStandardSchema(value) === undefined)
      return `JSON Schema, as a plain object; pass the schema of a library, such as zod's, as "${instead}"`
    return anObject(value)
  }
}

/** Returns the JSON Schema, or the reason why there is none. */
function schemaProblem(schema: StandardSchema): { readonly schema: JsonObject } | string {
  const { jsonSchema } = schema['~standard']
  if (jsonSchema === undefined) return 'its library makes none'
  try {
    return { schema: jsonSchema.input({ target: 'draft-2020-12' }) as JsonObject }
  } catch (error) {
    return describeError(error)
  }
}

/** Maximum depth of nested schemas that are searched. */
const mostSteps = 32

/**
 * Returns the path to the innermost schema that fails by itself, as far as the library exposes the parts of a schema: in `def`, as zod does,
 * fields by name in `shape`, other parts as schemas or lists of schemas.
 */
function pathOfProblem(schema: StandardSchema, steps = 0): string {
  if (steps >= mostSteps) return ''
  for (const [name, part] of partsOf(schema)) {
    if (typeof schemaProblem(part) !== 'string') continue
    const rest = pathOfProblem(part, steps + 1)
    return [name, rest].filter((step) => step !== '').join('.')
  }
  return ''
}

function partsOf(schema: StandardSchema): readonly (readonly [name: string, part: StandardSchema])[] {
  const { def } = schema as { readonly def?: unknown }
  if (typeof def !== 'object' || def === null) return []
  const { shape, element, valueType, ...others } = def as Readonly<Record<string, unknown>>
  const named = typeof shape === 'object' && shape !== null ? Object.entries(shape) : []
  const items = [element, valueType].map((part) => ['[]', part] as const)
  const unnamed = Object.values(others)
    .flat()
    .map((part) => ['', part] as const)
  return [...named, ...items, ...unnamed].filter((entry): entry is [string, StandardSchema] => aStandardSchema(entry[1]) === undefined)
}

/** Returns the issues of a failed validation, joined by semicolons. */
export function describeIssues(issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[]): string {
  return issues
    .slice(0, 10)
    .map(({ message, path = [] }) => {
      const names = path.map((part) => stepOf(typeof part === 'object' && part !== null && 'key' in part ? part.key : part))
      return names.length === 0 ? message : `${names.join('.')}: ${message}`
    })
    .join('; ')
}

/** Returns a step of a path as text. A library may put anything there. */
function stepOf(part: unknown): string {
  return typeof part === 'string' || typeof part === 'symbol' ? String(part) : describeValue(part)
}
