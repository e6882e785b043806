/** Maps that user code sees and must not change. */

/**
 * Returns the map itself, which from now on throws a `TypeError` when it is changed, as a frozen object does: `Object.freeze` alone leaves the entries of a
 * map open.
 */
export function readOnlyMap<TKey, TValue>(map: Map<TKey, TValue>): ReadonlyMap<TKey, TValue> {
  const refuse = (): never => {
    throw new TypeError('This map cannot be changed')
  }
  for (const name of ['set', 'delete', 'clear'] as const) Object.defineProperty(map, name, { value: refuse })
  return Object.freeze(map)
}
