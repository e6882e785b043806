/** What fits in the metadata of a part. */
import type { JsonObject } from '@beamclaw/core'

/** Characters of JSON that a part may keep; core takes a little more. */
const maxKeptCharacters = 1_000_000

/** Levels of nesting that a part may keep; core takes a few more. */
const deepestKept = 60

/** Returns true for what fits in the metadata of a part. */
export function isKeepable(fields: JsonObject): boolean {
  return isShallow(fields, deepestKept) && JSON.stringify(fields).length <= maxKeptCharacters
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1))
}
