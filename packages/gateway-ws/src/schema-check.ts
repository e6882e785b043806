/** Checks untrusted input against schemas. */
import type * as z from 'zod'

export type Checked<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } }

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/**
 * Like `safeParse`, but never throws: zod compares the `length` of any object sent in place of a text, and
 * `{"length":{"toString":null}}` cannot be compared with a number.
 */
export function check<S extends z.ZodType>(schema: S, value: unknown): Checked<z.output<S>> {
  try {
    return schema.safeParse(value)
  } catch (error) {
    const isAsync = error instanceof Error && error.constructor.name === '$ZodAsyncError'
    const message = isAsync ? 'cannot be checked: its schema is asynchronous, and those of methods and events are not' : 'does not fit'
    return { success: false, error: { issues: [{ path: [], message }] } }
  }
}

/** Parts of a schema that are looked at. */
const mostParts = 10_000

/** Returns true for a schema that holds an `async` function, as in `z.string().refine(async …)`. One that only returns a promise is not found. */
export function isAsyncSchema(schema: z.ZodType): boolean {
  const seen = new Set<unknown>([schema])
  // A set yields what is added to it meanwhile.
  for (const part of seen) {
    if (seen.size > mostParts) return false
    if (typeof part === 'function' && part.constructor.name === 'AsyncFunction') return true
    if (typeof part !== 'object' || part === null) continue
    for (const inner of partsOf(part)) seen.add(inner)
  }
  return false
}

/** Returns what a schema, or a part of its definition, is made of. */
function partsOf(part: object): readonly unknown[] {
  const definition = (part as { readonly _zod?: { readonly def?: object } })._zod?.def
  if (definition !== undefined) return [definition]
  const prototype: unknown = Object.getPrototypeOf(part)
  return Array.isArray(part) || prototype === Object.prototype || prototype === null ? Object.values(part) : []
}
