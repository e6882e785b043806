/** Values that user code sees and must not change. */

/**
 * Returns the value, frozen with everything in it: what the journal has must not change in memory. For plain data; what is frozen already is not looked
 * into again.
 */
export function deepFreeze<T>(value: T): T {
  // A stack of its own: input may nest deeper than calls can. Without lists of values, which cost more than the rest.
  let open: object[] | undefined
  for (let next: unknown = value; next !== undefined; next = open?.pop()) {
    if (typeof next !== 'object' || next === null || Object.isFrozen(next)) continue
    Object.freeze(next)
    for (const name in next) {
      const part = (next as Record<string, unknown>)[name]
      if (typeof part !== 'object' || part === null) continue
      open ??= []
      open.push(part)
    }
  }
  return value
}
