/** Schemas for the inputs of the tools: an object of optional fields, each with a rule. */
import type { OptionRule } from '@beamclaw/actor/internal'
import type { StandardSchema } from '../tool/standard-schema.ts'

/** Returns a schema for a tool. Other fields are refused: a model that misspells one is told so. */
export function fieldsSchema<T extends object>(
  rules: { readonly [K in keyof T]-?: OptionRule },
  required: readonly (keyof T & string)[],
): StandardSchema<T> {
  const validate = (value: unknown): { readonly value: T } | { readonly issues: readonly { readonly message: string }[] } => {
    const problem = problemIn(value, rules, required)
    return problem === undefined ? { value: value as T } : { issues: [{ message: problem }] }
  }
  return { '~standard': { version: 1, vendor: 'beamclaw', validate } }
}

function problemIn(value: unknown, rules: Readonly<Record<string, OptionRule>>, required: readonly string[]): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'expected an object'
  const given = value as Readonly<Record<string, unknown>>
  const missing = required.find((name) => given[name] === undefined)
  if (missing !== undefined) return `${missing} is missing`
  for (const [name, field] of Object.entries(given)) {
    if (field === undefined) continue
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined) return `there is no field ${JSON.stringify(name.slice(0, 64))}; the fields are ${Object.keys(rules).join(', ')}`
    const expected = rule(field)
    if (expected !== undefined) return `${name} must be ${expected}`
  }
  return undefined
}
