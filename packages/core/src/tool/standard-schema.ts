/** The part of Standard Schema (standardschema.dev) that tools and structured output use: any library that speaks it will do. */
import type { JsonObject } from '../base/messages.ts'

/** A schema that checks a value and answers with what it made of it. `TOutput` is that. */
export interface StandardSchema<TOutput = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => ValidationResult<TOutput> | Promise<ValidationResult<TOutput>>
    readonly types?: { readonly input: unknown; readonly output: TOutput } | undefined
    /** Standard JSON Schema: how the schema describes what it takes. */
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

/** The JSON Schema of what a schema takes; undefined when its library cannot say. */
export function jsonSchemaOf(schema: StandardSchema): JsonObject | undefined {
  const { jsonSchema } = schema['~standard']
  return jsonSchema === undefined ? undefined : (jsonSchema.input({ target: 'draft-2020-12' }) as JsonObject)
}

/** The issues of a failed validation, a line each. */
export function describeIssues(issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[]): string {
  return issues
    .slice(0, 10)
    .map(({ message, path = [] }) => {
      const names = path.map((part) => String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part))
      return names.length === 0 ? message : `${names.join('.')}: ${message}`
    })
    .join('; ')
}
