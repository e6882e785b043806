/** Values that user code sees and must not change. */

/**
 * Returns the value, frozen with everything in it: what the journal has must not change in memory. For plain data; what is frozen already is not looked
 * into again.
 */
export function deepFreeze<T>(value: T): T {
  const rest: unknown[] = [value]
  while (rest.length > 0) {
    const next = rest.pop()
    if (typeof next !== 'object' || next === null || Object.isFrozen(next)) continue
    Object.freeze(next)
    for (const part of Object.values(next)) if (typeof part === 'object') rest.push(part)
  }
  return value
}
