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
  } catch {
    return { success: false, error: { issues: [{ path: [], message: 'does not fit' }] } }
  }
}
