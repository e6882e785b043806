/** Encodes values as JSON text, and refuses values that JSON would drop or change: a stored value must be read back unchanged. */
import { describeValue } from '@beamclaw/actor/internal'
import { BeamClawError, describeError } from '../base/errors.ts'

const deepest = 512

/**
 * Returns JSON text of at most `maxBytes` bytes of UTF-8, without fields that are `undefined`. Throws `invalid-message` for a value that is not
 * JSON, is cyclic or nests deeper than 512, and `document-too-large` (with `details.maxBytes`) above the limit. For authors of stores.
 */
export function encodeJson(value: unknown, maxBytes: number): string {
  checkJson(value)
  let json: string
  try {
    json = JSON.stringify(value)
  } catch (error) {
    throw new BeamClawError('invalid-message', `Nothing was stored: the value is not JSON: ${describeError(error)}`, { cause: error })
  }
  // UTF-8 takes at most three bytes for a UTF-16 unit: counting exactly is seldom needed.
  if (json.length * 3 <= maxBytes) return json
  const bytes = json.length > maxBytes ? json.length : new TextEncoder().encode(json).length
  if (bytes <= maxBytes) return json
  throw new BeamClawError('document-too-large', `The value takes ${bytes} bytes or more, the limit is ${maxBytes}`, {
    details: { maxBytes },
  })
}

/** Throws `invalid-message` for a value that is not JSON, is cyclic or nests deeper than 512; and what getters throw. */
export function checkJson(value: unknown, depth = 0): void {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw notJson(`${value} is not JSON`)
    return
  }
  if (typeof value !== 'object') throw notJson(`${describeValue(value)} is not JSON`)
  if (depth === deepest) throw notJson(`the value is cyclic or nests deeper than ${deepest}`)
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) checkJson(item, depth + 1)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  // A plain object of another realm has another Object.prototype, which also ends its prototype chain.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw notJson('an instance of a class is not JSON')
  for (const item of Object.values(value)) if (item !== undefined) checkJson(item, depth + 1)
}

function notJson(problem: string): BeamClawError {
  return new BeamClawError('invalid-message', `Nothing was stored: ${problem}`)
}
