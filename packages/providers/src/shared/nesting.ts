/** Refuses schemas that no request can hold: a loop of objects, or one so deep that reading it would overflow the stack. */
import { BeamClawError, type JsonObject, type JsonValue, type ProviderRequest } from '@beamclaw/core'

/** Levels of objects and arrays. Generated schemas have a few dozen. */
const maxLevels = 1_000

/** Throws `provider-bad-request` for a tool or a format whose schema contains itself or is too deep. */
export function checkNesting({ tools, responseFormat }: ProviderRequest): void {
  for (const { name, inputSchema } of tools ?? []) if (isTooDeep(inputSchema)) throw tooDeep(`The schema of the tool "${name}"`)
  if (isTooDeep(responseFormat?.schema)) throw tooDeep('The schema of the answer')
}

/** Returns the error for something that cannot be written as JSON. */
export function tooDeep(what: string): BeamClawError {
  return new BeamClawError(
    'provider-bad-request',
    `${what} contains itself, or is nested more than ${maxLevels} levels deep. Refer to what repeats by "$ref"`,
  )
}

/** Without recursion, because what it looks for would overflow the stack. */
export function isTooDeep(value: JsonValue | undefined): boolean {
  const open: (readonly [value: JsonObject | readonly JsonValue[], level: number])[] = []
  const add = (inner: JsonValue | undefined, level: number): void => {
    if (typeof inner === 'object' && inner !== null) open.push([inner, level])
  }
  add(value, 1)
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [holder, level] = next
    if (level > maxLevels) return true
    for (const inner of Object.values(holder)) add(inner, level + 1)
  }
  return false
}
